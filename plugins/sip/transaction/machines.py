"""The four transaction machines of RFC 3261 section 17 as tables, with what RFC 6026 and RFC 4320 changed in them."""

from __future__ import annotations

from .machine import Deed, Event, Machine, State, Step, Timer

T1 = 0.5
"""An estimate of the round trip."""
T2 = 4.0
"""The longest interval between two sendings."""
T4 = 5.0
"""How long a message may stay in the network."""
PATIENCE = 64 * T1
"""Timers B, F, H, J (unreliable), L, M."""
TRYING_INVITE = 0.2
"""RFC 3261 section 17.2.1: a 100 is sent unless the answer comes sooner."""
TRYING_OTHER = 3.5
"""RFC 4320 section 4.1: no 100 before the client's Timer E has reached T2, which is after T1 + 2·T1 + 4·T1."""
RINGING = 300.0
"""How long an INVITE may wait for its final response; longer than Timer C of RFC 3261 section 16.6."""


def _doubled(interval: float, state: State) -> float:
    return 2 * interval


def _doubled_to_t2(interval: float, state: State) -> float:
    return min(2 * interval, T2)


def _timer_e(interval: float, state: State) -> float:
    """RFC 3261 section 17.1.2.2: once a provisional response came, every T2."""
    return T2 if state is State.PROCEEDING else min(2 * interval, T2)


def _in(*states: State) -> frozenset[State]:
    return frozenset(states)


_S, _E, _D = State, Event, Deed

INVITE_CLIENT = Machine(
    "INVITE client (RFC 3261 figure 5, RFC 6026 section 7.2)",
    State.CALLING,
    {
        _S.CALLING: {
            _E.TIMER_A: Step(_S.CALLING, (_D.SEND,)),
            _E.TIMER_B: Step(_S.TERMINATED, (_D.TIMED_OUT,)),
            _E.TRANSPORT_ERROR: Step(_S.TERMINATED, (_D.FAILED,)),
            _E.PROVISIONAL: Step(_S.PROCEEDING, (_D.PASS_UP,)),
            _E.SUCCESS: Step(_S.ACCEPTED, (_D.PASS_UP,)),
            _E.FAILURE: Step(_S.COMPLETED, (_D.ACKNOWLEDGE, _D.PASS_UP)),
        },
        _S.PROCEEDING: {
            _E.PROVISIONAL: Step(_S.PROCEEDING, (_D.PASS_UP,)),
            _E.SUCCESS: Step(_S.ACCEPTED, (_D.PASS_UP,)),
            _E.FAILURE: Step(_S.COMPLETED, (_D.ACKNOWLEDGE, _D.PASS_UP)),
            _E.TOO_LATE: Step(_S.TERMINATED, (_D.TIMED_OUT,)),
            _E.TRANSPORT_ERROR: Step(_S.TERMINATED, (_D.FAILED,)),
        },
        _S.ACCEPTED: {
            _E.SUCCESS: Step(_S.ACCEPTED, (_D.PASS_UP,)),
            _E.TIMER_M: Step(_S.TERMINATED),
            _E.TRANSPORT_ERROR: Step(_S.TERMINATED),
        },
        _S.COMPLETED: {
            _E.FAILURE: Step(_S.COMPLETED, (_D.ACKNOWLEDGE,)),
            _E.TIMER_D: Step(_S.TERMINATED),
            _E.TRANSPORT_ERROR: Step(_S.TERMINATED, (_D.FAILED,)),
        },
        _S.TERMINATED: {},
    },
    (
        Timer(_E.TIMER_A, _in(_S.CALLING), T1, None, _doubled),
        Timer(_E.TIMER_B, _in(_S.CALLING), PATIENCE, PATIENCE),
        Timer(_E.TOO_LATE, _in(_S.PROCEEDING), RINGING, RINGING),
        Timer(_E.TIMER_D, _in(_S.COMPLETED), PATIENCE, 0),
        Timer(_E.TIMER_M, _in(_S.ACCEPTED), PATIENCE, PATIENCE),
    ),
)

OTHER_CLIENT = Machine(
    "non-INVITE client (RFC 3261 figure 6)",
    State.TRYING,
    {
        _S.TRYING: {
            _E.TIMER_E: Step(_S.TRYING, (_D.SEND,)),
            _E.TIMER_F: Step(_S.TERMINATED, (_D.TIMED_OUT,)),
            _E.TRANSPORT_ERROR: Step(_S.TERMINATED, (_D.FAILED,)),
            _E.PROVISIONAL: Step(_S.PROCEEDING, (_D.PASS_UP,)),
            _E.SUCCESS: Step(_S.COMPLETED, (_D.PASS_UP,)),
            _E.FAILURE: Step(_S.COMPLETED, (_D.PASS_UP,)),
        },
        _S.PROCEEDING: {
            _E.TIMER_E: Step(_S.PROCEEDING, (_D.SEND,)),
            _E.TIMER_F: Step(_S.TERMINATED, (_D.TIMED_OUT,)),
            _E.TRANSPORT_ERROR: Step(_S.TERMINATED, (_D.FAILED,)),
            _E.PROVISIONAL: Step(_S.PROCEEDING, (_D.PASS_UP,)),
            _E.SUCCESS: Step(_S.COMPLETED, (_D.PASS_UP,)),
            _E.FAILURE: Step(_S.COMPLETED, (_D.PASS_UP,)),
        },
        _S.COMPLETED: {_E.TIMER_K: Step(_S.TERMINATED), _E.TRANSPORT_ERROR: Step(_S.TERMINATED)},
        _S.TERMINATED: {},
    },
    (
        Timer(_E.TIMER_E, _in(_S.TRYING, _S.PROCEEDING), T1, None, _timer_e),
        Timer(_E.TIMER_F, _in(_S.TRYING, _S.PROCEEDING), PATIENCE, PATIENCE),
        Timer(_E.TIMER_K, _in(_S.COMPLETED), T4, 0),
    ),
)

INVITE_SERVER = Machine(
    "INVITE server (RFC 3261 figure 7, RFC 6026 section 7.1)",
    State.PROCEEDING,
    {
        _S.PROCEEDING: {
            _E.REQUEST: Step(_S.PROCEEDING, (_D.RESEND,)),
            _E.SLOW: Step(_S.PROCEEDING, (_D.TRYING,)),
            _E.PROVISIONAL: Step(_S.PROCEEDING, (_D.SEND,)),
            _E.SUCCESS: Step(_S.ACCEPTED, (_D.SEND,)),
            _E.FAILURE: Step(_S.COMPLETED, (_D.SEND,)),
            _E.TOO_LATE: Step(_S.TERMINATED, (_D.TIMED_OUT,)),
            _E.TRANSPORT_ERROR: Step(_S.PROCEEDING, (_D.FAILED,)),
        },
        _S.ACCEPTED: {
            _E.REQUEST: Step(_S.ACCEPTED),
            _E.ACK: Step(_S.ACCEPTED, (_D.PASS_UP,)),
            _E.SUCCESS: Step(_S.ACCEPTED, (_D.SEND,)),
            _E.TIMER_L: Step(_S.TERMINATED),
            _E.TRANSPORT_ERROR: Step(_S.ACCEPTED, (_D.FAILED,)),
        },
        _S.COMPLETED: {
            _E.REQUEST: Step(_S.COMPLETED, (_D.RESEND,)),
            _E.TIMER_G: Step(_S.COMPLETED, (_D.RESEND,)),
            _E.TIMER_H: Step(_S.TERMINATED, (_D.TIMED_OUT,)),
            _E.ACK: Step(_S.CONFIRMED),
            _E.TRANSPORT_ERROR: Step(_S.COMPLETED, (_D.FAILED,)),
        },
        _S.CONFIRMED: {
            _E.REQUEST: Step(_S.CONFIRMED),
            _E.ACK: Step(_S.CONFIRMED),
            _E.TIMER_I: Step(_S.TERMINATED),
        },
        _S.TERMINATED: {},
    },
    (
        Timer(_E.SLOW, _in(_S.PROCEEDING), TRYING_INVITE, TRYING_INVITE),
        Timer(_E.TOO_LATE, _in(_S.PROCEEDING), RINGING, RINGING),
        Timer(_E.TIMER_G, _in(_S.COMPLETED), T1, None, _doubled_to_t2),
        Timer(_E.TIMER_H, _in(_S.COMPLETED), PATIENCE, PATIENCE),
        Timer(_E.TIMER_I, _in(_S.CONFIRMED), T4, 0),
        Timer(_E.TIMER_L, _in(_S.ACCEPTED), PATIENCE, PATIENCE),
    ),
)

OTHER_SERVER = Machine(
    "non-INVITE server (RFC 3261 figure 8, RFC 4320)",
    State.TRYING,
    {
        _S.TRYING: {
            _E.REQUEST: Step(_S.TRYING),
            _E.SLOW: Step(_S.PROCEEDING, (_D.TRYING,)),
            _E.PROVISIONAL: Step(_S.PROCEEDING, (_D.SEND,)),
            _E.SUCCESS: Step(_S.COMPLETED, (_D.SEND,)),
            _E.FAILURE: Step(_S.COMPLETED, (_D.SEND,)),
            _E.TOO_LATE: Step(_S.TERMINATED),
            _E.TRANSPORT_ERROR: Step(_S.TERMINATED, (_D.FAILED,)),
        },
        _S.PROCEEDING: {
            _E.REQUEST: Step(_S.PROCEEDING, (_D.RESEND,)),
            _E.PROVISIONAL: Step(_S.PROCEEDING, (_D.SEND,)),
            _E.SUCCESS: Step(_S.COMPLETED, (_D.SEND,)),
            _E.FAILURE: Step(_S.COMPLETED, (_D.SEND,)),
            _E.TOO_LATE: Step(_S.TERMINATED),
            _E.TRANSPORT_ERROR: Step(_S.TERMINATED, (_D.FAILED,)),
        },
        _S.COMPLETED: {
            _E.REQUEST: Step(_S.COMPLETED, (_D.RESEND,)),
            _E.TIMER_J: Step(_S.TERMINATED),
            _E.TRANSPORT_ERROR: Step(_S.TERMINATED, (_D.FAILED,)),
        },
        _S.TERMINATED: {},
    },
    (
        Timer(_E.SLOW, _in(_S.TRYING), TRYING_OTHER, TRYING_OTHER),
        # RFC 4320 section 4.2: behind the client's Timer F no response is sent at all.
        Timer(_E.TOO_LATE, _in(_S.TRYING, _S.PROCEEDING), PATIENCE, PATIENCE),
        Timer(_E.TIMER_J, _in(_S.COMPLETED), PATIENCE, 0),
    ),
)
