"""Routes of the desk, as data: its REST, and the way in to its page. Adding one is one line here."""

from __future__ import annotations

from gateway.api import correction_schemas as fix
from gateway.api import desk_schemas as desk
from gateway.api.kinds import Call, Entry
from gateway.desk import asking, entering

DESK_CALLS = (
    Call(
        "GET",
        "/v1/desk/corrections",
        "corrections",
        "Corrections, the newest first",
        fix.Corrections,
        query=fix.InState,
        scope="desk:read",
    ),
    Call(
        "POST",
        "/v1/desk/corrections",
        "draft_correction",
        "Draft a correction",
        fix.Named,
        201,
        body=fix.CorrectionIn,
        scope="desk",
    ),
    Call("GET", "/v1/desk/corrections/{id}", "correction", "One correction", fix.Correction, scope="desk:read"),
    Call(
        "POST",
        "/v1/desk/corrections/{id}/impact",
        "compute_correction",
        "Compute what it would do",
        fix.Impact,
        body=fix.ImpactIn,
        scope="desk",
    ),
    Call(
        "POST",
        "/v1/desk/corrections/{id}/approve",
        "approve_correction",
        "Approve it",
        fix.Correction,
        body=fix.ApprovalIn,
        scope="desk",
    ),
    Call(
        "POST",
        "/v1/desk/corrections/{id}/apply",
        "apply_correction",
        "Apply it, or go on",
        fix.Correction,
        202,
        body=fix.NothingIn,
        scope="desk",
    ),
    Call(
        "POST",
        "/v1/desk/corrections/{id}/abort",
        "abort_correction",
        "End it",
        fix.Named,
        body=fix.ReasonIn,
        scope="desk",
    ),
    Call(
        "POST",
        "/v1/desk/corrections/{id}/undo",
        "undo_correction",
        "Draft the way back",
        fix.Named,
        201,
        body=fix.ReasonIn,
        scope="desk",
    ),
    Call(
        "POST",
        "/v1/desk/results",
        "enter_result",
        "Enter the end of an event",
        fix.Graded,
        body=fix.ResultEnteredIn,
        scope="desk",
    ),
    Call(
        "GET",
        "/v1/desk/overlays",
        "overlays",
        "What desks have laid over the line",
        desk.Overlays,
        query=asking.OverlaysAsked,
        scope="desk:read",
    ),
    Call(
        "POST",
        "/v1/desk/commands",
        "desk_command",
        "Suspend, resume, price, margin or limit a scope, once for each id, if its overlay is at that version still",
        desk.CarriedOut,
        body=asking.CommandIn,
        scope="desk",
    ),
    Call(
        "POST",
        "/v1/desk/commands/{id}/undo",
        "desk_undo",
        "Take back the newest change of an overlay",
        desk.CarriedOut,
        body=asking.UndoIn,
        scope="desk",
    ),
    Call(
        "GET",
        "/v1/desk/trail",
        "desk_trail",
        "Who did what, when and why",
        desk.Trail,
        query=asking.TrailAsked,
        scope="desk:read",
    ),
    Call(
        "GET",
        "/v1/desk/operations",
        "operations",
        "Shards, feeds, gateways, bets and exposure as they are, at most a second old",
        desk.OperationsShown,
        scope="desk:read",
    ),
    Call(
        "GET",
        "/v1/desk/operations/delays",
        "delays",
        "How long each stage took, for some minutes back",
        desk.Delays,
        query=desk.DelaysAsked,
        scope="desk:read",
    ),
    Call(
        "POST",
        "/v1/desk/shards/{id}/drain",
        "drain_shard",
        "Move a shard's devices elsewhere, then end it",
        desk.Draining,
        202,
        body=desk.DrainIn,
        scope="desk",
    ),
    Call(
        "GET",
        "/v1/desk/places",
        "judge_place",
        "Whether a place would be accepted, and the rules that apply there",
        desk.Verdict,
        query=desk.PlaceAsked,
        scope="desk:read",
    ),
    Call(
        "GET",
        "/v1/desk/borders",
        "borders",
        "Borders of the states, to be drawn",
        desk.Borders,
        query=desk.BordersAsked,
        scope="desk:read",
    ),
)

DESK_PAGE = "/desk"
"""The page, its views and its files: what stands below it in no table (gateway/desk/serving.py)."""

_ENTRY_REFUSED = (400, 403, 404, 408, 413, 414, 431, 500)

ENTRIES = (
    Entry("GET", DESK_PAGE, "desk_page", "The trading desk, a page", None, 200, (400, 404, 414, 431, 500)),
    Entry(
        "GET", "/desk/session", "desk_session", "Who is signed in at the desk's page", entering.DeskSession, 200,
        (400, 414, 431, 500),
    ),
    Entry(
        "GET", "/desk/sign-in", "desk_sign_in", "To the issuer, to sign in", None, 303,
        (400, 404, 414, 431, 500, 503),
    ),
    Entry(
        "GET", "/desk/sign-in/done", "desk_sign_in_done", "Back from the issuer, to the page", None, 303,
        (400, 404, 414, 431, 500),
    ),
    Entry(
        "POST", "/desk/sign-in/development", "desk_sign_in_development", "Sign in by the development keys",
        entering.DeskSession, 200, _ENTRY_REFUSED, body=entering.SignInAs,
    ),
    Entry("POST", "/desk/sign-out", "desk_sign_out", "End the session", None, 204, _ENTRY_REFUSED),
)  # fmt: skip
