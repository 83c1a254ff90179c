#!/bin/sh
# Installs mambaenv: one file, checked against SHA256SUMS, put in place by one rename. Nothing else is changed.
# Everything is a function, called on the last line: a download that was cut off does nothing.
set -eu

usage() {
  cat <<'END'
Usage: install.sh [--from DIR|URL | --offline DIR] [--version VERSION] [--to DIR]
       install.sh --uninstall [--to DIR]

Puts the program mambaenv into a folder of programs, or takes it away.

  --from DIR|URL  where the program and its SHA256SUMS are: a folder, file://, http:// or https://
                  (default: the folder of this script, or dist in it)
  --offline DIR   the same for a folder only: nothing is downloaded, whatever happens
  --version VERSION
                  this version and no other: from VERSION/ or vVERSION/ of that place where it has such a folder
  --to DIR        where it is put (default: ~/.local/bin)
  --uninstall     remove the program; environments and settings stay, and where they are is said
  -h, --help      this text

Downloads go by curl or wget, through the proxies of HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY (or in small
letters; busybox's wget has no NO_PROXY), and trust the certificates of REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE or SSL_CERT_FILE where one is set.
No file of your shell is changed: what to add to PATH is printed.
END
}

say() {
  printf '%s\n' "$*" >&2
}

# die MESSAGE [STATUS]
die() {
  say "install.sh: $1"
  exit "${2-1}"
}

main() {
  umask 022
  from='' to='' offline='' uninstall='' wanted=''
  while [ $# -gt 0 ]; do
    case $1 in
      --from | --to | --offline | --version)
        [ -n "${2-}" ] || die "$1 needs a value; see --help" 2
        case $1 in
          --from) from=$2 ;;
          --to) to=$2 ;;
          --offline) offline=$2 ;;
          --version) wanted=$2 ;;
        esac
        shift
        ;;
      --from=?*) from=${1#*=} ;;
      --offline=?*) offline=${1#*=} ;;
      --uninstall) uninstall=yes ;;
      --to=?*) to=${1#*=} ;;
      --version=?*) wanted=${1#*=} ;;
      -h | --help)
        usage
        exit 0
        ;;
      *) die "unknown option: $1; see --help" 2 ;;
    esac
    shift
  done
  [ -z "$from" ] || [ -z "$offline" ] || die "--from and --offline exclude each other; see --help" 2
  if [ -n "$uninstall" ]; then
    [ -z "$from$offline$wanted" ] || die "--uninstall needs no source; see --help" 2
    uninstall
    exit 0
  fi
  wanted=${wanted#v}
  case $wanted in *[!0-9A-Za-z.+-]*) die "this is no version: $wanted" 2 ;; esac
  platform
  source_of_files
  target
  install_program
  advise
}

# The machines that there are programs for.
known='linux-x64 linux-x64-baseline linux-arm64 linux-x64-musl linux-x64-musl-baseline linux-arm64-musl
  darwin-arm64 darwin-x64'

# Sets machines: the endings of the program's name that may be for this machine, the best first; hasher: what
# computes checksums here.
platform() {
  os=$(uname -s) cpu=$(uname -m)
  case $os in
    Linux) machine=linux ;;
    Darwin) machine=darwin ;;
    *) unknown ;;
  esac
  # A shell that Rosetta translates is told that its processor is Intel's.
  [ "$os" != Darwin ] || [ "$(sysctl -n sysctl.proc_translated 2>/dev/null)" != 1 ] || cpu=arm64
  case $cpu in
    x86_64 | amd64) machine=$machine-x64 ;;
    aarch64 | arm64) machine=$machine-arm64 ;;
    *) unknown ;;
  esac
  [ "$os" != Linux ] || ! musl || machine=$machine-musl
  machines=$machine
  case $machine in
    linux-x64*)
      # Where nobody knows, the program for every processor is the safe one.
      case $(cat /proc/cpuinfo 2>/dev/null) in
        *' avx2'*) machines="$machine $machine-baseline" ;;
        *flags*) machines=$machine-baseline ;;
        *) machines="$machine-baseline $machine" ;;
      esac
      ;;
  esac
  for hasher in sha256sum shasum openssl ''; do
    [ -z "$hasher" ] || ! command -v "$hasher" >/dev/null 2>&1 || break
  done
  [ -n "$hasher" ] || die "none of sha256sum, shasum and openssl is here to check the program with"
}

unknown() {
  say "install.sh: there is no mambaenv for $os on $cpu, only for"
  for machine in $known; do say "  $machine"; done
  exit 1
}

# Whether the C library is musl: its ldd says so, or only its loader is here.
musl() {
  case $(ldd --version 2>&1) in
    *musl*) return 0 ;;
    *GLIBC* | *GNU*) return 1 ;;
  esac
  for loader in /lib*/ld-linux*; do
    [ ! -e "$loader" ] || return 1
  done
  for loader in /lib/ld-musl-*; do
    [ ! -e "$loader" ] || return 0
  done
  return 1
}

# Sets from: a folder or URL without a final slash, and shown: the same without a password.
source_of_files() {
  case $offline in
    '') ;;
    file://*) from=$offline ;;
    *://*) die "--offline takes a folder, and this is none: $offline" 2 ;;
    *) from=$offline ;;
  esac
  [ -n "$from" ] || beside
  case $from in
    file://*) from=${from#file://} ;;
    http://* | https://*) network ;;
    *://*) die "cannot read from $from: only from a folder, file://, http:// and https://" 2 ;;
  esac
  while [ "$from" != "${from%/}" ] && [ "$from" != / ]; do from=${from%/}; done
  case $from in -*) from=./$from ;; esac
  shown=$(printf '%s\n' "$from" | sed 's|^\(http[s]*://\)[^/]*@|\1|')
}

# Sets from to this script's folder, or dist in it. Read from a pipe it has none: the current one may be anyone's.
beside() {
  here=$(dirname -- "$0")
  [ "${0##*/}" = install.sh ] && [ -f "$0" ] || here=/dev/null
  for from in "$here" "$here/dist"; do
    [ ! -f "$from/SHA256SUMS" ] || return 0
  done
  die "there is no SHA256SUMS beside this script; say where the program is: --from DIR|URL" 2
}

# Sets to: an absolute path, by default that of the user's programs.
folder() {
  if [ -z "$to" ]; then
    [ -n "${HOME-}" ] || die "HOME is not set; say where the program is to be put: --to DIR" 2
    to=$HOME/.local/bin
  fi
  case $to in
    /*) ;;
    *) to=$(pwd)/$to ;;
  esac
}

# Removes the program, if it is ours, and says what else there is.
uninstall() {
  folder
  file=$to/mambaenv
  [ ! -d "$file" ] || die "$file is a folder, which this script did not make"
  if [ ! -e "$file" ] && [ ! -L "$file" ]; then
    say "there is no mambaenv in $to"
    return
  fi
  # One that does not run any more may go too, but not another program of that name.
  case $("$file" --version </dev/null 2>/dev/null || :) in
    'mambaenv '* | '') ;;
    *) die "$file is another program: it does not say that it is mambaenv" ;;
  esac
  rm -f "$file" 2>/dev/null || die "cannot remove $file"
  say "Removed $file"
  for place in "${XDG_DATA_HOME:-${HOME-}/.local/share}" "${XDG_CACHE_HOME:-${HOME-}/.cache}" \
    "${XDG_CONFIG_HOME:-${HOME-}/.config}"; do
    [ ! -d "$place/mambaenv" ] || say "  still there, and yours to remove: $place/mambaenv"
  done
}

# Makes the folder of programs, if need be.
target() {
  folder
  mkdir -p "$to" 2>/dev/null || die "cannot make the folder $to; choose another: --to DIR"
  to=$(cd "$to" && pwd) || die "cannot enter the folder $to; choose another: --to DIR"
  [ ! -d "$to/mambaenv" ] || die "$to/mambaenv is a folder; choose another place: --to DIR"
}

# Brings the program into a folder of its own beside the target, where a rename is atomic, and checks it there.
install_program() {
  work=$to/.mambaenv-install.$$
  mkdir "$work" 2>/dev/null || die "cannot write to $to; choose another folder: --to DIR"
  trap 'rm -rf "$work"' EXIT
  trap 'exit 129' HUP
  trap 'exit 130' INT
  trap 'exit 143' TERM
  sums
  choose
  if [ -x "$to/mambaenv" ] && [ "$(sum_of "$to/mambaenv")" = "$expected" ]; then
    check_version "$to/mambaenv"
    say "mambaenv is already in $to, the same as in $shown"
    return
  fi
  fetch "$name" "$work/mambaenv"
  actual=$(sum_of "$work/mambaenv")
  [ "$actual" = "$expected" ] || die "$name from $shown is not what SHA256SUMS says; nothing was installed
  expected $expected
  is       $actual"
  chmod 755 "$work/mambaenv"
  check_version "$work/mambaenv"
  mv -f "$work/mambaenv" "$to/mambaenv" || die "cannot replace $to/mambaenv"
  say "Installed $to/mambaenv ($version)"
}

# Brings SHA256SUMS; where a version is wanted, from its own folder if there is one, which from is then.
sums() {
  for folder in ${wanted:+"$wanted" "v$wanted"}; do
    case $from in
      http://* | https://*) download "$from/$folder/SHA256SUMS" "$work/SHA256SUMS" 2>/dev/null || continue ;;
      *) [ -f "$from/$folder/SHA256SUMS" ] || continue ;;
    esac
    from=$from/$folder shown=$shown/$folder
    break
  done
  fetch SHA256SUMS "$work/SHA256SUMS"
}

# check_version FILE: sets version, which says that the program runs here and is the one that is wanted
check_version() {
  version=$("$1" --version </dev/null 2>"$work/words") ||
    die "$name does not run on this machine; nothing was installed: $(cat "$work/words")"
  case $version in
    "mambaenv $wanted" | "mambaenv $wanted "*) ;;
    *) [ -z "$wanted" ] || die "$name from $shown is $version, not $wanted; nothing was installed" ;;
  esac
}

# Sets name and expected: the program for this machine in SHA256SUMS, else the plain one that was built here.
choose() {
  for machine in $machines ''; do
    name=mambaenv${machine:+-$machine}
    expected=$(tr -d '\r' <"$work/SHA256SUMS" | sed -n "s|^\([0-9A-Fa-f]\{64\}\) [ *]\(\./\)\{0,1\}$name\$|\1|p" |
      sed -n 1p | tr A-F a-f)
    [ -z "$expected" ] || return 0
  done
  say "install.sh: $shown/SHA256SUMS names no program for this machine (mambaenv-$(
    printf '%s\n' "$machines" | sed 's/ /, mambaenv-/g'
  )), only"
  sed -n 's|^[0-9A-Fa-f]\{64\} [ *]\(\./\)\{0,1\}\(mambaenv[a-z0-9-]*\)[[:cntrl:]]*$|  \2|p' "$work/SHA256SUMS" >&2
  exit 1
}

# fetch NAME FILE
fetch() {
  case $from in
    http://* | https://*) download "$from/$1" "$2" || die "cannot get $1 from $shown" ;;
    *)
      [ -f "$from/$1" ] || die "there is no $1 in $shown"
      cp "$from/$1" "$2" || die "cannot copy $1 from $shown to $to"
      ;;
  esac
}

# Sets getter, and options that make it trust who is to be trusted; the proxies go to it in the letters that curl and
# wget both know, in the order in which the program itself takes them.
network() {
  for getter in curl wget ''; do
    [ -z "$getter" ] || ! command -v "$getter" >/dev/null 2>&1 || break
  done
  [ -n "$getter" ] || die "neither curl nor wget is here; download the files and say where they are: --from DIR"
  all=${all_proxy:-${ALL_PROXY-}}
  export http_proxy="${http_proxy:-${HTTP_PROXY:-$all}}" https_proxy="${https_proxy:-${HTTPS_PROXY:-$all}}"
  export no_proxy="${no_proxy:-${NO_PROXY-}}"
  trusted=${REQUESTS_CA_BUNDLE:-${CURL_CA_BUNDLE:-${SSL_CERT_FILE-}}}
  # Others' wget knows no options of GNU's, which asks twenty times unless it is told.
  case $getter$(wget --version 2>/dev/null) in
    curl*) by=cacert ;;
    wgetGNU*) getter=gnu by=ca-certificate ;;
  esac
  [ ! -d "$trusted" ] || case $getter in curl) by=capath ;; gnu) by=ca-directory ;; esac
}

# download URL FILE
download() {
  case $getter in
    curl) curl -fsSL --connect-timeout 30 --retry 2 ${trusted:+"--$by" "$trusted"} -o "$2" "$1" ;;
    gnu) wget -q --tries=3 --timeout=30 ${trusted:+"--$by=$trusted"} -O "$2" "$1" ;;
    wget) wget -q -O "$2" "$1" ;;
  esac
}

# sum_of FILE: its sha256 in hexadecimal digits
sum_of() {
  case $hasher in
    sha256sum) sha256sum ;;
    shasum) shasum -a 256 ;;
    openssl) openssl dgst -sha256 -r ;;
  esac <"$1" | sed 's/[^0-9a-f].*//'
}

# Says what is missing for the program to be found.
advise() {
  case :${PATH-}: in
    *:"$to":*)
      found=$(command -v mambaenv || :)
      [ "$found" = "$to/mambaenv" ] || say "But PATH finds another one first: ${found:-none}"
      ;;
    *)
      quoted=$(printf '%s\n' "$to" | sed "s/'/'\\\\''/g")
      say "$to is not in PATH. Add this line to the file of your shell:"
      say "  bash, zsh, sh:  export PATH='$quoted':\"\$PATH\""
      say "  fish:           fish_add_path '$quoted'"
      ;;
  esac
}

# The braces need the last byte of this file: without it, there is nothing to run.
{ main "$@"; }
