# Unix starts here; to Windows this file is the program itself. Explained in docs/formats/llamafile.md, 'The head'.
[ "$ZSH_VERSION" ] && emulate sh
q=$0
case $q in
*/*) ;;
*)
  # The dot keeps a newline at the end of the name.
  if [ -f "./$q" ]; then q=./$q; else q=$(command -v "$q" && echo .) q=${q%??}; fi
  ;;
esac
u=$(uname -sm)
# The effective user, from the first lines of a file on Linux: that starts no program.
i=
case $u in Linux*) while read -r k m i m && [ "$k" != Uid: ]; do :; done 2>/dev/null </proc/self/status ;; esac
case $i in '' | *[!0-9]*) i=$(id -u) ;; esac
h=$HOME x=$XDG_CACHE_HOME k=
# mine MODE LINKS OWNER ...: a real folder (no link) of mine that nobody else can write to, by one lstat
mine() { case $1 in drwx?-??-*) [ "$3" = "$i" ] ;; *) false ;; esac }
# root with another user's HOME (sudo): keep out of that user's cache
# shellcheck disable=SC2046
[ "$i" != 0 ] || [ "$h" = /root ] || mine $(ls -ldn "$h/." 2>/dev/null) || h='' x=''
case $x in
/*) ;;
*) x=${h:+$h/.cache} ;;
esac
case $u in
Darwin*)
  x=${h:+$h/Library/Caches}
  [ "$(sysctl -n sysctl.proc_translated 2>/dev/null)" != 1 ] || u='Darwin arm64'
  ;;
*evbarm) u="${u% *} $(uname -p)" ;;
Linux\ i?86) u='Linux x86_64' ;;
Linux\ armv8*) u='Linux aarch64' ;;
esac
case $u in
@TABLE@) L= ;;
*)
  echo "quipu: there is no program for $u inside; there are: @SYSTEMS@" >&2
  exit 1
  ;;
esac
unpacked() { { dd bs=65536 skip="$a" count="$b" && dd bs="$r" count=1; } <"$q" | gzip -dc; }
# try ENTRY ARGUMENTS...: becomes the program if it is in $d; in the second pass it is taken out of this file first.
# An entry: name,first block of 64 KiB,whole blocks,bytes after them,sum and size of what gzip makes of them
try() {
  e=$1
  shift
  n=${e%%,*} e=${e#*,}
  a=${e%%,*} e=${e#*,}
  b=${e%%,*} e=${e#*,}
  r=${e%%,*} e=${e#*,}
  c=${e%,*} s=${e#*,}
  p=$d/$n
  if [ "$m" ]; then
    w=$d/.$n.$$
    {
      if (umask 077 && unpacked >"$w"); then
        case $(cksum <"$w") in
        "$c $s"*) chmod 700 "$w" && if "$w" --quipu-probe </dev/null >/dev/null; then mv -f "$w" "$p"; else k=r; fi ;;
        *) k=d ;;
        esac
      else
        unpacked >/dev/null || k=d
      fi
      rm -f "$w"
    } 2>/dev/null
  fi
  # One look at the folder and the program, which a disk that was full or fails may have cut short.
  w=$(ls -ldn "$d" "$p" 2>/dev/null)
  # shellcheck disable=SC2086
  mine $w || return
  case $w in
  *"
-rwx------"*" $s "*) ;;
  *) return ;;
  esac
  QUIPU_SELF=$q
  export QUIPU_SELF
  exec "$p" "$@"
}
t=quipu-$i
for m in '' 1; do
  for d in "$QUIPU_CACHE" "${x:+$x/quipu}" "${TMPDIR:-/tmp}/$t" "/var/tmp/$t" "/dev/shm/$t"; do
    if [ "$m" ] && [ "$d" ]; then
      (umask 077 && mkdir -p "$d") 2>/dev/null
      # shellcheck disable=SC2046
      mine $(ls -ldn "$d" 2>/dev/null) || continue
    fi
    [ ! -d "$d" ] || for e in $L; do try "$e" "$@"; done
  done
done
case $k in
d) k='this file is damaged, or gzip is missing' ;;
r) k='the program does not run here' ;;
*) k='no folder to put the program in' ;;
esac
echo "quipu: $k (tried \$QUIPU_CACHE, ${x:-no home}, ${TMPDIR:-/tmp}, /var/tmp, /dev/shm: QUIPU_CACHE names another)" >&2
exit 126
