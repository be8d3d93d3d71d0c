"""The hours in which agents may work."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from haechi.runtime.errors import UsageError


@dataclass(frozen=True)
class Window:
    """From one full hour to another, over midnight where the second is the earlier one."""

    start: int
    end: int
    zone: ZoneInfo

    @classmethod
    def read(cls, text: str, zone: str) -> "Window":
        """`1-8` or `22-6`, and the name of a time zone."""
        first, _, second = text.partition("-")
        if not (first.strip().isdigit() and second.strip().isdigit() and int(first) <= 24 and int(second) <= 24):
            raise UsageError(f"time window {text!r}: expected two hours, such as 1-8 or 22-6")
        if int(first) % 24 == int(second) % 24 and (int(first), int(second)) != (0, 24):
            raise UsageError(f"time window {text!r} is empty; 0-24 is the whole day")
        try:
            return cls(int(first), int(second), ZoneInfo(zone))
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise UsageError(f"time zone {zone!r} is unknown; expected a name such as Asia/Seoul") from error

    def wait(self, now: datetime) -> float:
        """Seconds until the window opens; 0 while it is open."""
        here = now.astimezone(self.zone)
        hour = here.hour + here.minute / 60 + here.second / 3600
        start, end = self.start % 24, self.end
        inside = start <= hour < end if start < end else hour >= start or hour < end
        if inside:
            return 0.0
        opens = datetime.combine(here.date(), time(start), self.zone)
        if opens <= here:
            opens = datetime.combine(here.date() + timedelta(days=1), time(start), self.zone)
        return max(1.0, opens.timestamp() - here.timestamp())  # by the clock of the zone, whatever summer time does
