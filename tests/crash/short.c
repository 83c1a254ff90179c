// short TOP LOG PROGRAM WORDS…: each write of the program to a file below TOP writes half of what it was asked to.
// How many those were goes to LOG. Linux on x86-64.
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <stdlib.h>
#include <errno.h>
#include <signal.h>
#include <unistd.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>

enum { MOST = 4194304 };
static unsigned long long *asked;
static unsigned char *inside;

static int below(const char *top, pid_t pid, unsigned long long fd) {
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/%d/fd/%llu", pid, fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  return length > 0 && strncmp(path, top, strlen(top)) == 0;
}

int main(int argc, char **argv) {
  if (argc < 4) return 2;
  asked = calloc(MOST, sizeof *asked);
  inside = calloc(MOST, 1);
  pid_t child = fork();
  if (child == 0) {
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    raise(SIGSTOP);
    execv(argv[3], argv + 3);
    _exit(127);
  }
  int status, result = 1, count = 0;
  waitpid(child, &status, 0);
  ptrace(PTRACE_SETOPTIONS, child, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK |
    PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL);
  ptrace(PTRACE_SYSCALL, child, 0, 0);
  for (pid_t pid; (pid = waitpid(-1, &status, __WALL)) > 0;) {
    if (WIFEXITED(status) || WIFSIGNALED(status)) {
      if (pid == child) result = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
      inside[pid] = 0;
      continue;
    }
    int stop = WSTOPSIG(status), pass = 0;
    if (stop == (SIGTRAP | 0x80)) {
      struct user_regs_struct regs;
      if (ptrace(PTRACE_GETREGS, pid, 0, &regs) == 0) {
        inside[pid] = !inside[pid];
        int writes = regs.orig_rax == 1 || regs.orig_rax == 18;
        if (inside[pid] && writes && regs.rdx > 1 && below(argv[1], pid, regs.rdi)) {
          asked[pid] = regs.rdx;
          regs.rdx /= 2;
          ptrace(PTRACE_SETREGS, pid, 0, &regs);
          count++;
        } else if (!inside[pid] && asked[pid]) {
          regs.rdx = asked[pid];
          asked[pid] = 0;
          ptrace(PTRACE_SETREGS, pid, 0, &regs);
        }
      }
    } else if (status >> 16) {
      if (status >> 16 == PTRACE_EVENT_EXEC) inside[pid] = 1;
    } else if (stop != SIGSTOP && stop != SIGTRAP) pass = stop;
    ptrace(PTRACE_SYSCALL, pid, 0, pass);
  }
  FILE *log = fopen(argv[2], "w");
  fprintf(log, "%d\n", count);
  fclose(log);
  return result;
}
