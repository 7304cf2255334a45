"""The public REST API as the monitor uses it; the only module here that speaks HTTP.

Every failure is a `Trouble` with words for a person: the server's own description where it gave one.
"""

from typing import Any

import httpx

from tui.answers import Job, Step, read_job, read_listing, read_steps

TIMEOUT_S = 10.0


class Trouble(Exception):
    """What went wrong, in a sentence. needs_token: signing in would help. reached: a server answered."""

    def __init__(self, words: str, *, needs_token: bool = False, reached: bool = True):
        super().__init__(words)
        self.needs_token = needs_token
        self.reached = reached


class Client:
    """One appliance. The token never leaves this object: not on a screen, not in copied curl."""

    def __init__(self, url: str, token: str | None = None):
        self.url = url.rstrip("/")
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._http = httpx.AsyncClient(
            base_url=self.url,
            headers={**headers, "Accept": "application/json"},
            timeout=TIMEOUT_S,
            follow_redirects=True,
        )

    async def close(self) -> None:
        """Let go of the connections."""
        await self._http.aclose()

    async def jobs(self, *, page: int, limit: int, everybody: bool = False) -> tuple[list[Job], int]:
        """One page of jobs, newest first, and the number of all."""
        path = "/admin/jobs" if everybody else "/jobs"
        return read_listing(await self._document("GET", path, params={"page": page, "limit": limit}))

    async def job(self, job_id: str) -> Job:
        """One job, with its first outputs."""
        return read_job(await self._document("GET", f"/jobs/{job_id}", params={"limit": 200}))

    async def job_as_it_is(self, job_id: str) -> Job:
        """One job, asked twice: the owner's first look after submission shows it as it was submitted."""
        await self.job(job_id)
        return await self.job(job_id)

    async def steps(self, job_id: str) -> list[Step]:
        """The steps of a job, with counts only."""
        return read_steps(await self._document("GET", f"/jobs/{job_id}/steps", params={"limit": 1}))

    async def steer(self, job_id: str, verb: str) -> Job:
        """Pause, resume, cancel or skip-preview; the job after it."""
        return read_job(await self._document("POST", f"/jobs/{job_id}/{verb}"))

    async def version(self) -> str:
        """The server's version, for the header."""
        return str((await self._document("GET", "/")).get("version", ""))

    async def _document(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        try:
            answer = await self._http.request(method, path, **options)
        except httpx.TransportError as error:
            reason = str(error) or type(error).__name__
            raise Trouble(f"{self.url} does not answer: {reason}", reached=False) from None
        if answer.status_code == 401:
            words = "The server wants to know who you are: set HARMONIUM_TOKEN (harmonium token NAME makes one)"
            raise Trouble(words, needs_token=True)
        try:
            document = answer.json()
        except ValueError:
            document = None
        if answer.is_error or not isinstance(document, dict):
            described = document.get("description") if isinstance(document, dict) else None
            raise Trouble(str(described or f"{method} {path}: answer {answer.status_code} is not what was expected"))
        return document
