"""What a grid shows of the claims that its plan names (configs/claims/, benchmark/claims.py)."""

from __future__ import annotations

from reports.claims.blocks import claims_table, registration_words, strip
from reports.claims.evaluate import as_registered, evaluate
from reports.claims.plain import to_json
from reports.claims.registration import registrations, since_named
from reports.claims.results import ClaimResult, ClaimsReport, Comparison, Gate, Registration, Status, Verdict

__all__ = [
    "ClaimResult",
    "ClaimsReport",
    "Comparison",
    "Gate",
    "Registration",
    "Status",
    "Verdict",
    "as_registered",
    "claims_table",
    "evaluate",
    "registration_words",
    "registrations",
    "since_named",
    "strip",
    "to_json",
]
