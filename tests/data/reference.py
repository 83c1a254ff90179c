# Answers questions about versions, specifiers, markers and requirements as `packaging` and py-rattler do: a list of
# [what, arguments ...] as JSON on stdin, the list of answers on stdout; null where the text is refused.
import json
import sys

from packaging.markers import InvalidMarker, Marker, UndefinedComparison
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version


def version(text):
    return str(Version(text))


def compare(a, b):
    a, b = Version(a), Version(b)
    return (a > b) - (a < b)


def contains(spec, versions):
    spec = SpecifierSet(spec)
    return [spec.contains(each, prereleases=True) for each in versions]


def admitted(spec, versions, pre):
    return list(SpecifierSet(spec).filter(versions, prereleases=pre or None))


def marker(text, environment):
    return Marker(text).evaluate(environment)


def requirement(text):
    found = Requirement(text)
    return {
        "name": canonicalize_name(found.name),
        "extras": sorted(found.extras),
        "specifier": sorted({"".join(str(each).split()) for each in found.specifier}),
        "url": found.url,
        "marker": found.marker is not None,
    }


def lines(content, environment):
    import os

    from pip._internal.req.req_file import preprocess

    os.environ.update(environment)
    return [list(each) for each in preprocess(content)]


def options(text):
    import contextlib
    import io

    from pip._internal.req import req_file

    try:
        with contextlib.redirect_stderr(io.StringIO()):
            args, found = req_file.get_line_parser(None)(text)
    except req_file.OptionParsingError:
        return None
    names = {
        "requirements": "--requirement", "constraints": "--constraint", "editables": "--editable",
        "find_links": "--find-links", "extra_index_urls": "--extra-index-url", "trusted_hosts": "--trusted-host",
        "pre": "--pre", "no_index": "--no-index", "index_url": "--index-url", "prefer_binary": "--prefer-binary",
        "require_hashes": "--require-hashes",
    }
    flags = []
    for key, name in names.items():
        value = getattr(found, key, None)
        for each in value if isinstance(value, list) else [value] if value else []:
            flags.append([name, "" if each is True else each])
    return [args, sorted(flags)]


def file(files, environment):
    """What pip makes of `requirements.txt` among these files: None where it refuses one of its lines."""
    import os
    import tempfile

    from pip._internal.exceptions import InstallationError
    from pip._internal.req.constructors import install_req_from_parsed_requirement
    from pip._internal.req.req_file import parse_requirements
    from pip._internal.req.req_install import check_invalid_constraint_type

    os.environ.update(environment)
    with tempfile.TemporaryDirectory() as folder:
        for path, text in files.items():
            os.makedirs(os.path.dirname(os.path.join(folder, path)), exist_ok=True)
            with open(os.path.join(folder, path), "w", newline="") as to:
                to.write(text)
        before = os.getcwd()
        os.chdir(folder)
        try:
            found = []
            for parsed in parse_requirements("requirements.txt", session=file.session):
                each = install_req_from_parsed_requirement(parsed)
                if parsed.constraint and check_invalid_constraint_type(each):
                    return None
                found.append({
                    "name": canonicalize_name(each.name) if each.name else None,
                    "extras": sorted(canonicalize_name(extra) for extra in each.extras),
                    "specifier": sorted({"".join(str(one).split()) for one in each.req.specifier}) if each.req and not each.link else [],
                    "url": each.link is not None,
                    "marker": each.markers is not None,
                    "editable": each.editable,
                    "constraint": parsed.constraint,
                    "hashed": bool(each.hash_options),
                })
            return found
        except (InstallationError, ValueError):  # its own copy of packaging throws those
            return None
        finally:
            os.chdir(before)


def match(text):
    """Whether conda's own reader takes a spec, and the name that it reads."""
    import rattler

    return rattler.MatchSpec(text).name.normalized


def conda(spec, versions):
    import rattler

    spec = rattler.VersionSpec(spec)
    return [spec.matches(rattler.Version(each)) for each in versions]


def order(a, b):
    import rattler

    a, b = rattler.Version(a), rattler.Version(b)
    return (a > b) - (a < b)


REFUSED = (InvalidVersion, InvalidSpecifier, InvalidMarker, InvalidRequirement, UndefinedComparison, KeyError)


def answer(what, *arguments):
    if what == "file" and not hasattr(file, "session"):
        from pip._internal.network.session import PipSession

        file.session = PipSession()
    try:
        return globals()[what](*arguments)
    except REFUSED:
        return None


json.dump([answer(*question) for question in json.load(sys.stdin)], sys.stdout)
