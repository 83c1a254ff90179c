# Makes a wheel with one module: folder, name, version, then lines of metadata such as "Requires-Dist: a".
import base64
import hashlib
import os
import sys
import zipfile

folder, name, version, *lines = sys.argv[1:]
info = f"{name}-{version}.dist-info"
files = {
    f"{name}.py": f"version = {version!r}\n",
    f"{info}/METADATA": "\n".join(["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", *lines, ""]),
    f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
}
record = "".join(
    f"{path},sha256={base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip('=')},{len(text)}\n"
    for path, text in files.items()
)
path = os.path.join(folder, f"{name}-{version}-py3-none-any.whl")
with zipfile.ZipFile(path, "w") as archive:
    for each, text in {**files, f"{info}/RECORD": record + f"{info}/RECORD,,\n"}.items():
        archive.writestr(each, text)
print(hashlib.sha256(open(path, "rb").read()).hexdigest())
