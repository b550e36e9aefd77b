"""A small server on loopback that speaks the part of the Hub's API that its library reads, with faults to order."""

import contextlib
import dataclasses
import hashlib
import json
import re
import socket
import threading
import urllib.parse
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

import huggingface_hub
import pytest

LARGE = (".parquet", ".safetensors", ".gz")
"""Files in large-file storage, which have a SHA-256; git names the others."""

REVISION = "refs/convert/parquet|[^/]+"


@dataclasses.dataclass(frozen=True)
class Fault:
    """What the server does in place of an answer: a status, another content, or a connection that breaks off."""

    status: int = 200
    code: str = ""
    content: bytes | None = None
    cut_after: int | None = None
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)
    delay: float = 0


@dataclasses.dataclass
class Repository:
    """The files of a repository at its one commit, of its export to Parquet, and of other branches."""

    files: dict[str, bytes]
    commit: str = ""
    export: dict[str, bytes] = dataclasses.field(default_factory=dict)
    branches: dict[str, dict[str, bytes]] = dataclasses.field(default_factory=dict)

    def at(self, revision: str) -> tuple[str, dict[str, bytes]] | None:
        """Commit and files of a revision."""
        commit = self.commit or hashlib.sha1(repr(sorted(self.files)).encode()).hexdigest()
        if revision in ("main", commit):
            return commit, self.files
        for branch, files in {"refs/convert/parquet": self.export, **self.branches}.items():
            own = hashlib.sha1(f"{commit}{branch}".encode()).hexdigest()
            if files and revision in (branch, own):
                return own, files
        return None


class HubServer(ThreadingHTTPServer):
    """Repositories under `datasets/owner/name` and `models/owner/name`; `faults` by a part of the path."""

    daemon_threads = True

    def __init__(self, repositories: Mapping[str, Repository]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.repositories = repositories
        self.originals: dict[str, bytes] = {}
        self.renamed: dict[str, str] = {}
        self.faults: dict[str, Iterator[Fault]] = {}
        self.requests: list[tuple[str, str, str]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def is_the_hub(self, patch: pytest.MonkeyPatch) -> None:
        """Have huggingface_hub ask this server; its client of module functions keeps the address of its own start."""
        patch.setattr(huggingface_hub.constants, "ENDPOINT", self.url)
        patch.setattr(huggingface_hub.hf_api.api, "endpoint", self.url)
        template = self.url + "/{repo_id}/resolve/{revision}/{filename}"
        patch.setattr(huggingface_hub.constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)

    @classmethod
    @contextlib.contextmanager
    def serving(cls, repositories: Mapping[str, Repository]) -> Iterator[Self]:
        """The server, in a thread of its own."""
        with cls(repositories) as server:
            thread = threading.Thread(target=server.serve_forever, args=(0.01,))
            thread.start()
            try:
                yield server
            finally:
                server.shutdown()
                thread.join()


class Handler(BaseHTTPRequestHandler):
    """GET and HEAD of the listing, the revision and the files of a repository."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # or each answer waits 40 ms
    server: HubServer

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002, the name in the standard library
        """Be quiet."""

    def do_GET(self) -> None:
        """Answer."""
        path = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path)
        self.server.requests.append((self.command, path, self.headers.get("Range") or ""))
        self.fault = next((next(f, Fault()) for part, f in self.server.faults.items() if part in path), Fault())
        threading.Event().wait(self.fault.delay)
        for old, new in self.server.renamed.items():
            if f"/datasets/{old}" in path:
                return self.send(307, b"", {"Location": path.replace(old, new)})
        if self.fault.status != 200:
            return self.refuse(self.fault.status, self.fault.code)
        if found := re.fullmatch(
            rf"/api/(datasets|models)/([^/]+/[^/]+)(?:/(revision|tree)/({REVISION})(/.+)?)?", path
        ):
            kind, name, verb, revision, folder = found.groups()
            return self.api(f"{kind}/{name}", verb, revision or "main", (folder or "").removeprefix("/"))
        if found := re.fullmatch(rf"/(datasets/)?([^/]+/[^/]+)/resolve/({REVISION})/(.+)", path):
            dataset, name, revision, file = found.groups()
            return self.resolve(f"{'datasets' if dataset else 'models'}/{name}", revision, file)
        if path in self.server.originals:
            content, start = self.server.originals[path], re.match(r"bytes=(\d+)-", self.headers.get("Range") or "")
            if not start:
                return self.send(200, content)
            part = f"bytes {start[1]}-{len(content) - 1}/{len(content)}"
            return self.send(206, content[int(start[1]) :], {"Content-Range": part})
        return self.refuse(404, "RepoNotFound" if path.startswith("/api") else "")

    do_HEAD = do_GET  # noqa: N815

    def api(self, repository: str, verb: str | None, revision: str, folder: str) -> None:
        """The revision of a repository, or the list of its files."""
        known = self.server.repositories.get(repository)
        found = known.at(revision) if known else None
        if known is None or found is None:
            return self.refuse(404, "RevisionNotFound") if known else self.refuse(401, "RepoNotFound")
        commit, files = found
        if verb == "tree":
            entries = [entry(path, content) for path, content in files.items() if path.startswith(folder)]
            if folder and not entries:
                return self.refuse(404, "EntryNotFound", commit)
            return self.send(200, json.dumps(entries).encode())
        info = {"id": repository.partition("/")[2], "sha": commit, "private": False, "tags": [], "siblings": []}
        return self.send(200, json.dumps(info).encode())

    def resolve(self, repository: str, revision: str, file: str) -> None:
        """A file, or a range of it."""
        known = self.server.repositories.get(repository)
        found = known.at(revision) if known else None
        if known is None or found is None:
            return self.refuse(404, "RevisionNotFound") if known else self.refuse(401, "RepoNotFound")
        commit, files = found
        if file not in files:
            return self.refuse(404, "EntryNotFound", commit)
        content = files[file]
        headers = {"X-Repo-Commit": commit, "Accept-Ranges": "bytes", "ETag": f'"{name_of(file, content)}"'}
        headers |= {"X-Linked-Etag": headers["ETag"], "X-Linked-Size": str(len(content))}
        if self.fault.content is not None and self.command == "GET":
            content = self.fault.content
        start = re.match(r"bytes=(\d+)-", self.headers.get("Range") or "")
        if start:
            headers["Content-Range"] = f"bytes {start[1]}-{len(content) - 1}/{len(content)}"
            content = content[int(start[1]) :]
        self.send(206 if start else 200, content, headers)
        return None

    def refuse(self, status: int, code: str, commit: str = "") -> None:
        """An error as the Hub tells it."""
        headers = {**({"X-Error-Code": code, "X-Error-Message": code} if code else {}), **self.fault.headers}
        self.send(status, json.dumps({"error": code}).encode(), headers | ({"X-Repo-Commit": commit} if commit else {}))

    def send(self, status: int, content: bytes, headers: Mapping[str, str] | None = None) -> None:
        """An answer, whole, or cut off where that is ordered."""
        self.send_response(status)
        for key, value in {"Content-Length": str(len(content)), **(headers or {})}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        self.wfile.write(content[: self.fault.cut_after])
        if self.fault.cut_after is not None:
            self.wfile.flush()
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)


def name_of(path: str, content: bytes) -> str:
    """The hash by which the Hub names a file."""
    if path.endswith(LARGE):
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def entry(path: str, content: bytes) -> dict[str, Any]:
    """A file as the listing has it."""
    found: dict[str, Any] = {"type": "file", "path": path, "size": len(content), "oid": name_of("", content)}
    if path.endswith(LARGE):
        found["lfs"] = {"oid": name_of(path, content), "size": len(content), "pointerSize": 134}
    return found
