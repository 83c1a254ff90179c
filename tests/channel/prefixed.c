/* Prints where it was built, PREFIX, in the ways in which compilers put strings into programs. */
#include <stdio.h>
#include <string.h>

static const char lone[] = PREFIX;
static const char within[] = "data=" PREFIX "/share/prefixed:" PREFIX "/etc;end";
static const char fixed[1024] = PREFIX "/lib";
static const char *const table[] = {PREFIX "/bin", "after", 0};

int main(void) {
  puts(lone);
  puts(within);
  printf("%s %zu\n", fixed, strlen(fixed));
  for (const char *const *item = table; *item; item++) puts(*item);
  return 0;
}
