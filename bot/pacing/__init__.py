"""Rate limiting: which reply may make the next call to a platform, and when.

All replies that draw on one `Budget` share it. Each time it allows a call, one of the waiting
replies gets it and sends its newest text. Texts are never queued, only replies.

A reply makes three kinds of calls: its first text, *middles*, which show more of it while it
grows, and its *end*, which shows the whole. Ends come first (of several, the one with most text
still to show), then first texts, then the middle whose reader is furthest behind (unseen characters
times waiting time). A reply that has waited for two rounds of all waiting replies goes before those
that are further behind.

How a budget of `calls` in `seconds` is spent:

- A call is made only if at most `calls - 1` were made in the last `seconds`. So no sliding window
  ever contains more than `calls`, not even at the start or after a burst. A call counts from the
  moment when it is allowed, and once it is answered from that one: the platform may have counted it
  at any time between.
- A sixth of `calls - 1`, but at least one of three or more, is the *reserve*. The *even spacing* is
  `seconds / (calls - reserve)`.
- A budget of several calls in four seconds or more is a *store*: a call that is not made now can be
  made later, when it may be worth more. It is spent by a plan (`bot.pacing.plan`), which estimates
  for several horizons for how many seconds replies will grow, summed over them, and how many will
  end. The calls available until then, less one for each end, are spread over those seconds; the
  tightest horizon decides how far apart each reply's middles are. They are never closer than a
  reader notices (`EDIT_FASTEST_SECONDS`), nor, after a 429, than the even spacing. No reply waits
  for longer than three rounds of that; than one where the window is shorter than most replies. A
  middle leaves one call for the end of each growing reply, at most half of the reserve.
  benchmarks/pacing measures what that is worth.
- All else is a *flow*, a post a second or a page's twenty calls: its middles are evenly spaced.

Examples:

- Slack, 50 in 60 s, is a store. A lone reply has a middle each second at first, since others may
  come, then two a second, and one in 1.4 s once it has gone on for half a minute. Five that begin
  together have one each every four seconds at first, and every ten when the store is nearly empty.
  Of fifty within half a minute hardly any has a middle in the first minute: the budget is just
  enough for fifty ends, which are made at once.
- A Discord channel, 5 in 5.25 s, is a store with a reserve of one call. A lone reply has a middle
  every 1.3 s, and its end at once.
- One call a second has no reserve, and an even call every second.

Where ends and first texts alone use up a budget, middles wait; each reply still gets its end.

aiolimiter spaces the middles of a flow, by an `AsyncLimiter` of one call per spacing. It can't keep
a sliding window exactly, keep a reserve, choose who is next or pause, so that is done here.

A 429 stops the whole budget for as long as the platform asks. After it, the budget's `seconds`
count as longer, which lowers all rates here, and shrink back with each window without a 429.

Several processes share a budget: by Redis, by slots that are dealt by demand (`bot.pacing.shared`),
or else each keeps to its part of it (`bot.pacing.limiter`).

Times are the event loop's. What is guaranteed is when calls are *allowed*. They take different
times over the network, so a `Budget` needs a margin for that.
"""

from bot.pacing.limiter import Claimant
from bot.pacing.scheduler import Pacing
from bot.pacing.shared import RedisAway, SharedBudgets

__all__ = ["Claimant", "Pacing", "RedisAway", "SharedBudgets"]
