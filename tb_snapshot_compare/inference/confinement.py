"""What the child may no longer do once TensorFlow is imported: a second wall behind the checks.

An audit hook (PEP 578) refuses, by raising ConfinementError in the code that tries it:
starting programs and processes; connecting, binding and looking up names; opening anything for
writing; opening for reading anything but installed libraries, what the system tells about its
processors, and the files of the request; changing the file system; unpickling classes;
unmarshalling and running code that is not a library's; loading shared libraries from elsewhere;
importing packages that start-up has not imported. The hook sees what Python does. TensorFlow's own
C++ is held by the lists of layers and operations; resource limits hold both: no core files, no
bytes written to files, few descriptors, bounded data.
"""

import os
import resource
import sys
import sysconfig
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

OPEN_FILES = 256
DATA_SLACK_BYTES = 4 * 1024**3
"""Stacks of threads and address space that is reserved, not used, count as data as well."""
_SYSTEM = ("/proc/self/", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/sys/devices/system/")
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_KEPT_EVENTS = 100
_REFUSED = frozenset(
    {
        "ctypes.call_function",
        "ftplib.connect",
        "glob.glob",
        "http.client.connect",
        "os.chflags",
        "os.chmod",
        "os.chown",
        "os.exec",
        "os.fork",
        "os.forkpty",
        "os.kill",
        "os.link",
        "os.mkdir",
        "os.posix_spawn",
        "os.putenv",
        "os.remove",
        "os.rename",
        "os.rmdir",
        "os.spawn",
        "os.startfile",
        "os.startfile/2",
        "os.symlink",
        "os.system",
        "os.truncate",
        "os.utime",
        "pickle.find_class",
        "pty.spawn",
        "shutil.copyfile",
        "shutil.copytree",
        "shutil.move",
        "shutil.rmtree",
        "shutil.unpack_archive",
        "smtplib.connect",
        "socket.bind",
        "socket.connect",
        "socket.getaddrinfo",
        "socket.gethostbyname",
        "socket.sendto",
        "sqlite3.connect",
        "subprocess.Popen",
        "tempfile.mkdtemp",
        "tempfile.mkstemp",
        "urllib.Request",
        "webbrowser.open",
    }
)
_CODE_MAKERS = ("dataclasses.py", os.path.join("collections", "__init__.py"), "typing.py")
"""Parts of the standard library that compile what they wrote themselves."""


class ConfinementError(PermissionError):
    """The child tried what it may not do."""


class Confinement:
    """The audit hook and what it allows; installed once, for good."""

    def __init__(self) -> None:
        self._libraries = _library_roots()
        self._packages = {name.partition(".")[0] for name in sys.modules}
        self._packages |= set(sys.stdlib_module_names) - {"antigravity", "this", "webbrowser"}
        self._files: frozenset[str] = frozenset()
        self._directories: tuple[str, ...] = ()
        self._blocked: list[str] = []
        self._rules: dict[str, Callable[[tuple[Any, ...]], bool]] = {
            "compile": self._may_compile,
            "ctypes.dlopen": self._may_load,
            "exec": self._may_execute,
            "import": self._may_import,
            "marshal.loads": self._may_unmarshal,
            "open": self._may_open,
        }

    def install(self) -> None:
        """From here on everything not allowed is refused."""
        sys.addaudithook(self._check)

    @contextmanager
    def reading(self, files: Iterable[str], directories: Iterable[str] = ()) -> Iterator[None]:
        """Allows reading these files, and what lies in these directories, meanwhile."""
        self._files = frozenset(os.path.abspath(path) for path in files)
        self._directories = tuple(os.path.abspath(path) + os.sep for path in directories)
        try:
            yield
        finally:
            self._files, self._directories = frozenset(), ()

    def take_blocked(self) -> tuple[str, ...]:
        """What was refused since this was last asked."""
        blocked, self._blocked = self._blocked, []
        return tuple(blocked)

    def _check(self, event: str, arguments: tuple[Any, ...]) -> None:
        rule = self._rules.get(event)
        if rule is None and event not in _REFUSED:
            return
        if rule is not None and rule(arguments):
            return
        words = f"{event} {arguments[:2]!r:.200}"
        if len(self._blocked) < _KEPT_EVENTS:
            self._blocked.append(words)
        raise ConfinementError(f"not allowed in the process that runs networks: {words}")

    def _may_open(self, arguments: tuple[Any, ...]) -> bool:
        path, mode, flags = arguments
        if isinstance(path, int):
            return True
        writing = bool(flags & _WRITING) or (isinstance(mode, str) and not mode.startswith("r"))
        text = os.path.abspath(os.fsdecode(path))
        if text == os.devnull:
            return True
        if writing or (isinstance(mode, str) and "+" in mode):
            return False
        return (
            text in self._files
            or text.startswith(self._directories)
            or self._is_library(text)
            or text.startswith(_SYSTEM)
        )

    def _may_import(self, arguments: tuple[Any, ...]) -> bool:
        return str(arguments[0]).partition(".")[0] in self._packages

    def _may_compile(self, arguments: tuple[Any, ...]) -> bool:
        name = arguments[1] if len(arguments) > 1 else None
        if isinstance(name, bytes):
            name = os.fsdecode(name)
        return self._is_code_of_library(name)

    def _may_execute(self, arguments: tuple[Any, ...]) -> bool:
        return self._is_code_of_library(getattr(arguments[0], "co_filename", None))

    def _is_code_of_library(self, name: object) -> bool:
        if isinstance(name, str) and (self._is_library(name) or name.startswith("<frozen ")):
            return True
        caller = sys._getframe(3).f_code.co_filename
        return caller.endswith(_CODE_MAKERS) and self._is_library(caller)

    def _may_unmarshal(self, _: tuple[Any, ...]) -> bool:
        return sys._getframe(2).f_code.co_filename == "<frozen importlib._bootstrap_external>"

    def _may_load(self, arguments: tuple[Any, ...]) -> bool:
        name = arguments[0]
        return name is None or (isinstance(name, str) and self._is_library(os.path.abspath(name)))

    def _is_library(self, path: str) -> bool:
        return os.path.isabs(path) and os.path.normpath(path).startswith(self._libraries)


def limit_resources(memory_bytes: int) -> None:
    """Lowers what the system grants this process.

    The number of processes is not limited: it counts those of the user, and TensorFlow needs
    threads.
    """
    _limit("RLIMIT_CORE", 0)
    _limit("RLIMIT_NOFILE", OPEN_FILES)
    _limit("RLIMIT_DATA", memory_bytes + DATA_SLACK_BYTES)


def forbid_writing() -> None:
    """Lets no more byte be written to a file. Importing TensorFlow tries out a temporary one."""
    _limit("RLIMIT_FSIZE", 0)


def _limit(what: str, value: int) -> None:
    """Systems without a limit keep the others."""
    try:
        resource.setrlimit(getattr(resource, what), (value, value))
    except (AttributeError, ValueError, OSError):
        return


def _library_roots() -> tuple[str, ...]:
    """Directories of the interpreter and of installed packages, and of this package."""
    own = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    roots = {own, os.path.dirname(os.path.abspath(os.__file__))}
    roots |= {
        path for key, path in sysconfig.get_paths().items() if key.endswith(("lib", "stdlib"))
    }
    installed = ("site-packages", "dist-packages", "lib-dynload")
    roots |= {path for path in sys.path if os.path.basename(path.rstrip(os.sep)) in installed}
    both = {os.path.normpath(path) for path in roots} | {os.path.realpath(path) for path in roots}
    return tuple(path + os.sep for path in both if os.path.isabs(path) and len(path) > 1)
