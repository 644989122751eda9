#!/bin/sh
# Volumask @VERSION@ for one user: installs itself below the home folder, without an administrator.
#   sh FILE [--to FOLDER]     FOLDER in place of ~/.local/opt
#   sh FILE --check           only whether this file arrived whole
# It takes the folder volumask-@VERSION@ there, a command in ~/.local/bin, and an entry in the desktop's menu.
# To remove it: sh FOLDER/volumask-@VERSION@/uninstall.sh
set -eu

begin=@LINES@
size=@SIZE@
sum=@SUM@
name=volumask-@VERSION@

fail() {
    echo "Volumask was not installed: $1" >&2
    exit 1
}

# An argument of a desktop entry's Exec: in double quotes, what is special there behind backslashes, % doubled.
quoted() {
    printf '"%s"' "$(printf '%s' "$1" | sed 's/[\\"`$]/\\&/g; s/\\/\\\\/g; s/%/%%/g')"
}

# For text between single quotes of a script.
single() {
    printf '%s' "$1" | sed "s/'/'\\\\''/g"
}

payload() {
    tail -n "+$begin" "$0"
    for part in "$0".part?; do # a large one goes on in files beside it
        [ ! -e "$part" ] || cat "$part"
    done
}

check() {
    [ "$(payload | wc -c)" -eq "$size" ] || fail "this file is not complete. Download it again, with all parts of that name into one folder."
    found=$(payload | sha256sum | cut -d ' ' -f 1)
    [ "$found" = "$sum" ] || fail "this file is damaged. Download it again."
}

to=${HOME:?}/.local/opt
case ${1-} in
    --check) check; echo "This file is whole."; exit 0 ;;
    --to) to=${2:?"--to needs a folder"} ;;
    '') ;;
    *) sed -n '2,6s/^# //p' "$0"; exit 2 ;;
esac
case $to in /*) ;; *) to=$PWD/$to ;; esac

command -v xz >/dev/null || fail "the program xz is missing. Install it (package xz-utils or xz)."
[ "$(uname -sm)" = "Linux x86_64" ] || fail "it runs on Linux x86_64, and this is $(uname -sm)."
check
mkdir -p "$to" || fail "$to cannot be written. Choose another folder: --to FOLDER"
free=$(df -Pk "$to" | awk 'NR == 2 { print $4 }')
[ "$free" -ge @KILOBYTES@ ] || fail "$to has $((free / 1024)) MB free, and @MEGABYTES@ MB are needed."

# Unpacked beside its place and then renamed: what was installed before stays until the new one is whole.
home=$to/$name
fresh=$to/.$name.$$
trap 'rm -rf "$fresh"' EXIT
trap 'exit 130' HUP INT TERM
mkdir "$fresh"
echo "Unpacking into $home"
payload | xz -dc | tar -xf - -C "$fresh" || fail "unpacking failed. Is the disk full?"

share=${XDG_DATA_HOME:-$HOME/.local/share}
bin=$HOME/.local/bin
mkdir -p "$bin"
{
    echo '#!/bin/sh'
    echo "# Removes Volumask @VERSION@; settings, logs and downloaded models stay."
    printf "home='%s'\nbin='%s'\nshare='%s'\n" "$(single "$home")" "$(single "$bin")" "$(single "$share")"
    cat << 'END'
set -eu
# What another version has taken over since stays: the command tells whose the menu entry is.
if [ "$(readlink "$bin/volumask" 2>/dev/null)" = "$home/volumask" ]; then
    rm -f "$bin/volumask" "$share/applications/volumask.desktop" "$share/mime/packages/volumask.xml" \
        "$share/icons/hicolor/scalable/apps/volumask.svg"
    ! command -v update-mime-database >/dev/null || [ ! -d "$share/mime" ] || update-mime-database "$share/mime"
    ! command -v update-desktop-database >/dev/null || update-desktop-database "$share/applications"
    # Databases that had nothing but ours go too.
    if rmdir "$share/mime/packages" 2>/dev/null; then
        (cd "$share/mime" && rm -f aliases generic-icons globs globs2 icons magic mime.cache subclasses treemagic types version XMLnamespaces)
        rmdir "$share/mime" 2>/dev/null || true
    fi
    ls "$share/applications"/*.desktop >/dev/null 2>&1 || rm -f "$share/applications/mimeinfo.cache"
fi
rm -rf "$home"
echo "Volumask is removed. Its settings, logs and downloaded models are still below your home folder."
END
} > "$fresh/opt/volumask/uninstall.sh"

old=
if [ -e "$home" ]; then
    old=$to/.$name.old.$$
    mv "$home" "$old"
fi
mv "$fresh/opt/volumask" "$home"
[ -z "$old" ] || rm -rf "$old"
ln -sfn "$home/volumask" "$bin/volumask"
for part in applications/volumask.desktop mime/packages/volumask.xml icons/hicolor/scalable/apps/volumask.svg; do
    mkdir -p "$share/${part%/*}"
    cp "$fresh/usr/share/$part" "$share/$part"
done
while IFS= read -r line; do
    case $line in
        Exec=*) printf 'Exec=%s %%f\n' "$(quoted "$home/Volumask")" ;;
        *) printf '%s\n' "$line" ;;
    esac
done < "$fresh/usr/share/applications/volumask.desktop" > "$share/applications/volumask.desktop"
for update in "update-mime-database $share/mime" "update-desktop-database $share/applications"; do
    tool=${update%% *}
    ! command -v "$tool" >/dev/null || "$tool" "${update#* }" || echo "$tool failed; the menu may show Volumask later."
done

echo "Trying it:"
"$home/volumask" self-test || echo "Volumask is installed; to look again: $home/volumask self-test"
echo "Installed. Start Volumask from the menu, or with $bin/volumask. To remove it: sh '$(single "$home/uninstall.sh")'"
exit 0
