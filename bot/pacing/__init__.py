"""The call budgets: who may make the next call.

All replies of one `Budget` share it, and each time it allows one more call, one of those that
wait gets it and sends its newest text. Nothing is queued but the wish to speak. Order: a reply
that has ended (of several the one that lacks the most), then one that shows nothing yet, then the
one whose reader is furthest behind (unseen characters times waiting time). Whoever has waited for
two rounds goes before those further behind.

How a budget of `calls` in `seconds` is spent:

- Any call needs room: of the calls made, at most `calls - 1` lie within the last `seconds`. So
  no sliding window ever holds more than `calls`, at the start and after bursts too.
- A sixth of all calls but one is the *reserve*, which middles don't use. Evenly spaced, middles
  come each `seconds / (calls - reserve)`: the even spacing.
- A budget with a short window is a *flow*: its middles are evenly spaced. Ends may use all the room
  there is; first texts leave two fifths of the reserve untouched, middles three quarters. A call is
  *early* if it came before the next even one was due; ends and first texts do that. The early calls
  of the last `seconds` come out of the middles' share: the reserve fills again, and the middles get
  slower rather than silent.
- A budget whose window is longer than most answers take (half a minute) is a *store*: what is not
  called now can be called later, when it may be worth more. It is spent by a plan. What is expected
  of those that grow and of those that will come (`bot.pacing.plan`) says for how many seconds in
  all replies will grow, and how many will end, within each of some horizons. The calls that can be
  made until then, less one for each end, are spread over those seconds; the tightest horizon says
  how far apart the middles of each reply have to be (`bot.pacing.plan`). Never closer than even
  spacing would give a lone reply, and no reply waits for its share for longer than three rounds of
  it. A middle leaves one call for the end of each reply that grows, four at most.
  benchmarks/pacing measures what that is worth.

Slack, 50 in 60 s: a store. A lone reply has a middle every 1.43 s, which it can have for ever. Five
that begin together have one each every four seconds at first, and every ten when the store is
nearly empty. Of fifty within half a minute hardly any has a middle in the first minute: fifty ends
are all that the budget has, and they go at once.
A Discord channel, 4 in 5 s: a flow with half a call of reserve, so 3.5 even calls, one in 1.43 s,
and the end of a lone reply waits for at most 0.71 s. One call a second: no reserve, one even call a
second.

Where ends and first texts alone use up a budget, middles wait; each reply still gets its end.

aiolimiter keeps an even flow, by an `AsyncLimiter` of one call per spacing for each budget; it
can't hold a sliding window exactly, keep a reserve, choose who is next, pause or change its rate,
so that is done here (at a new spacing a new limiter goes on where the old one was).

A 429 stops the whole budget for as long as the platform asks. After it the budget's `seconds`
count as longer, which lowers every rate here alike, and shrink back with each window of quiet.

Several processes share a budget: each keeps to its part of it, see `bot.pacing.limiter`.

Times are the event loop's. The guarantee is about when calls are *allowed*: room for the spread
of their ways over the network belongs into the `Budget`.
"""

from bot.pacing.limiter import Claimant
from bot.pacing.scheduler import Pacing

__all__ = ["Claimant", "Pacing"]
