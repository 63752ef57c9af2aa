"""Refusals as ``application/problem+json`` (RFC 9457), each with a stable name."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from sealtrail.contract.errors import RefusedError, UnavailableError

STATUS_OF = {
    "unknown_incident": 404,
    "unknown_trip": 404,
    "unknown_container": 404,
    "not_allowed": 409,
    "wrong_state": 409,
    "invalid_transition": 409,
    "conflict": 409,
    "foreign_origin": 403,
    "too_many_viewers": 503,
}


class Problem(BaseModel):
    """Body of every refusal."""

    type: str = "about:blank"
    name: str = Field(description="Stable snake_case name of the refusal.")
    title: str
    status: int
    detail: str = ""


class ProblemError(Exception):
    """Ends a request with a problem."""

    def __init__(self, name: str, title: str, detail: str = "", status: int | None = None) -> None:
        super().__init__(f"{name}: {detail or title}")
        self.problem = Problem(
            name=name, title=title, detail=detail, status=status or STATUS_OF.get(name, 400)
        )


def response(problem: Problem) -> JSONResponse:
    return JSONResponse(
        problem.model_dump(), status_code=problem.status, media_type="application/problem+json"
    )


def install(app: FastAPI) -> None:
    """Make every error of the application a problem."""

    @app.exception_handler(ProblemError)
    async def refused_here(_request: Request, error: ProblemError) -> JSONResponse:
        return response(error.problem)

    @app.exception_handler(RefusedError)
    async def refused(_request: Request, error: RefusedError) -> JSONResponse:
        status = STATUS_OF.get(error.reason, 400)
        return response(
            Problem(name=error.reason, title="The request was refused", detail=error.detail, status=status)
        )

    @app.exception_handler(UnavailableError)
    async def unavailable(_request: Request, error: UnavailableError) -> JSONResponse:
        return response(
            Problem(name="unavailable", title="A part doesn't answer", detail=str(error), status=503)
        )

    @app.exception_handler(RequestValidationError)
    async def invalid(_request: Request, error: RequestValidationError) -> JSONResponse:
        found = [
            f"{'.'.join(str(part) for part in one['loc'])}: {one['msg']}"
            for one in jsonable_encoder(error.errors())
        ]
        return response(
            Problem(
                name="invalid_request", title="The request is not valid", detail="; ".join(found), status=422
            )
        )

    @app.exception_handler(HTTPException)
    async def http(_request: Request, error: HTTPException) -> JSONResponse:
        names = {404: "not_found", 405: "method_not_allowed"}
        name = names.get(error.status_code, "http_error")
        return response(Problem(name=name, title=str(error.detail), status=error.status_code))
