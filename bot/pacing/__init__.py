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
  ever contains more than `calls`, not even at the start or after a burst.
- A sixth of `calls - 1` is the *reserve*, which middles don't use. The *even spacing* is
  `seconds / (calls - reserve)`.
- A budget with a short window is a *flow*: its middles are evenly spaced. Ends may use all the room
  there is; first texts leave two fifths of the reserve untouched, middles three quarters. A call is
  *early* if it was made before the next evenly spaced one was due, as ends and first texts may be.
  The early calls of the last `seconds` are subtracted from the middles' share, so the reserve fills
  again, and middles get slower instead of stopping.
- A budget with a window of half a minute or more, which is longer than most answers take, is a
  *store*: a call that is not made now can be made later, when it may be worth more. It is spent by
  a plan (`bot.pacing.plan`), which estimates for several horizons for how many seconds replies will
  grow, summed over them, and how many will end. The calls available until then, less one for each
  end, are spread over those seconds; the tightest horizon decides how far apart each reply's
  middles are. They are never closer than the even spacing, and no reply waits for longer than three
  rounds of it. A middle leaves one call for the end of each growing reply, at most four.
  benchmarks/pacing measures what that is worth.

Examples:

- Slack, 50 in 60 s, is a store. A lone reply has a middle every 1.43 s, for as long as it grows.
  Five that begin together have one each every four seconds at first, and every ten when the store
  is nearly empty. Of fifty within half a minute hardly any has a middle in the first minute: the
  budget is just enough for fifty ends, which are made at once.
- A Discord channel, 4 in 5 s, is a flow with a reserve of half a call. Its 3.5 even calls are
  1.43 s apart, and the end of a lone reply waits for at most 0.71 s.
- One call a second has no reserve, and an even call every second.

Where ends and first texts alone use up a budget, middles wait; each reply still gets its end.

aiolimiter spaces the calls of a flow, by an `AsyncLimiter` of one call per spacing. It can't keep a
sliding window exactly, keep a reserve, choose who is next, pause or change its rate, so that is
done here (for a new spacing, a new limiter continues where the old one was).

A 429 stops the whole budget for as long as the platform asks. After it, the budget's `seconds`
count as longer, which lowers all rates here, and shrink back with each window without a 429.

Several processes share a budget: each keeps to its part of it, see `bot.pacing.limiter`.

Times are the event loop's. What is guaranteed is when calls are *allowed*. They take different
times over the network, so a `Budget` needs a margin for that.
"""

from bot.pacing.limiter import Claimant
from bot.pacing.scheduler import Pacing

__all__ = ["Claimant", "Pacing"]
