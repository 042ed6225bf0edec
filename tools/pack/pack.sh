#!/usr/bin/env bash
# Makes what is released, into out/pack: an executable that needs no .NET on its host, as a tar.gz and as a Debian package.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

readonly out=out/pack
version=$(sed -n 's:.*<Version>\(.*\)</Version>.*:\1:p' Directory.Build.props)
case $(uname -m) in
    x86_64) runtime=linux-x64 architecture=amd64 ;;
    aarch64) runtime=linux-arm64 architecture=arm64 ;;
    *)
        echo "there is no release for $(uname -m)" >&2
        exit 2
        ;;
esac
readonly version runtime architecture
readonly name=datapath-$version-$runtime

# Its own folder of intermediate files: a development build must not find a restore for another runtime.
dotnet publish src/Datapath.Agent --configuration Release --runtime "$runtime" --artifacts-path "$PWD/$out/build" --output "$out/image" \
    -p:IsRelease=true --verbosity quiet -nologo >&2

rm -rf "${out:?}/$name" "$out/deb"
mkdir -p "$out/$name" "$out/deb/DEBIAN"
cp "$out/image/datapath" README.md CHANGELOG.md LICENSE "$out/$name/"
cp -r examples "$out/$name/"
tar -C "$out" --owner=root:0 --group=root:0 --sort=name -czf "$out/$name.tar.gz" "$name"

# The files are those of `datapath install`; what no file can do, the scripts do.
"$out/image/datapath" install --root "$out/deb" --prefix /usr >&2
gzip -9n "$out/deb/usr/share/man/man8/datapath.8"
install -D -m 644 tools/pack/debian/copyright "$out/deb/usr/share/doc/datapath/copyright"
gzip -9nc CHANGELOG.md | install -D -m 644 /dev/stdin "$out/deb/usr/share/doc/datapath/changelog.gz"
for script in postinst prerm postrm; do
    install -m 755 "tools/pack/debian/$script.sh" "$out/deb/DEBIAN/$script"
done
echo /etc/datapath/datapath.conf >"$out/deb/DEBIAN/conffiles"
sed -e "s/@VERSION@/$version/" -e "s/@ARCHITECTURE@/$architecture/" -e "s/@SIZE@/$(du -sk "$out/deb" | cut -f1)/" \
    tools/pack/debian/control >"$out/deb/DEBIAN/control"
(cd "$out/deb" && find . -path ./DEBIAN -prune -o -type f -printf '%P\0' | sort -z | xargs -0 md5sum >DEBIAN/md5sums)
dpkg-deb --root-owner-group --build "$out/deb" "$out/datapath_${version}_$architecture.deb" >&2
ls -l "$out/$name.tar.gz" "$out/datapath_${version}_$architecture.deb"
