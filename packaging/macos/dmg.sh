#!/usr/bin/env bash
# Makes the disk image of dist/Volumask.app, on a Mac: packaging/macos/dmg.sh VERSION [APP [IMAGE]].
# Signs with $CODESIGN_IDENTITY and notarises with $NOTARY_KEY (file), $NOTARY_KEY_ID, $NOTARY_ISSUER; without them the app
# is signed ad hoc, the image says so in its name, and the reader of the guide opens it with a right click.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
version=${1:?the version of pyproject.toml}
app=${2:-dist/Volumask.app}
ending=.dmg
[[ -n ${CODESIGN_IDENTITY:-} ]] || ending=-unsigned.dmg
image=${3:-dist/volumask-$version-macos-arm64$ending}

if [[ -n ${CODESIGN_IDENTITY:-} ]]; then
  codesign --force --deep --timestamp --options runtime --entitlements packaging/macos/entitlements.plist \
    --sign "$CODESIGN_IDENTITY" "$app"
else
  codesign --force --deep --sign - "$app"
fi
codesign --verify --deep --strict "$app"

stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
cp -R "$app" "$stage/"
ln -s /Applications "$stage/Applications"
hdiutil create -volname "Volumask $version" -srcfolder "$stage" -fs HFS+ -format ULFO -ov "$image"

if [[ -n ${CODESIGN_IDENTITY:-} && -n ${NOTARY_KEY:-} ]]; then
  codesign --force --timestamp --sign "$CODESIGN_IDENTITY" "$image"
  xcrun notarytool submit "$image" --key "$NOTARY_KEY" --key-id "${NOTARY_KEY_ID:?}" --issuer "${NOTARY_ISSUER:?}" --wait
  xcrun stapler staple "$image"
fi
echo "$image"
