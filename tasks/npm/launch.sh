#!/bin/sh
# mambaenv as npm installs it: becomes the program, which is in the package of this machine. Run as place.sh it puts
# the program here instead, so that later nothing stands in between; without npm's scripts this file stays.
self=$0
while [ -L "$self" ]; do
  link=$(readlink "$self")
  case $link in
    /*) self=$link ;;
    *) self=${self%/*}/$link ;;
  esac
done
case $self in */*) ;; *) self=./$self ;; esac
here=$(CDPATH='' cd -P -- "${self%/*}" && pwd -P) || exit 1

machine=$(uname -sm)
case $machine in
  'Linux x86_64') names='linux-x64 linux-x64-musl' ;;
  'Linux aarch64') names='linux-arm64 linux-arm64-musl' ;;
  'Darwin x86_64') names='darwin-x64 darwin-arm64' ;;
  'Darwin arm64') names='darwin-arm64 darwin-x64' ;;
  *) names='' ;;
esac
# Where both were copied, as by an old npm: the one whose loader is here.
case $names in
  linux-*) ls /lib*/ld-linux* >/dev/null 2>&1 || names="${names#* } ${names% *}" ;;
esac

program=''
dir=$here
while [ -n "$dir" ] && [ -z "$program" ]; do
  for name in $names; do
    [ ! -x "$dir/node_modules/@mambaenv/$name/bin/mambaenv" ] || {
      program=$dir/node_modules/@mambaenv/$name/bin/mambaenv
      break
    }
  done
  dir=${dir%/*}
done

case ${0##*/} in
  place.sh)
    [ -z "$program" ] || {
      { ln -f "$program" "$here/bin/new" || cp "$program" "$here/bin/new"; } &&
        mv -f "$here/bin/new" "$here/bin/mambaenv"
    } 2>/dev/null
    exit 0
    ;;
esac
[ -z "$program" ] || exec "$program" "$@"
echo "mambaenv: npm installed no program for this machine ($machine): npm install --include=optional mambaenv" >&2
exit 1
