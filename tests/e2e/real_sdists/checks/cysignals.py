"""That a signal becomes an exception of Python, by the C code that Meson built."""

import sys
import time

from cysignals.alarm import AlarmInterrupt, alarm

alarm(0.05)
try:
    time.sleep(60)
except AlarmInterrupt as error:
    sys.stdout.write(f"told: {type(error).__mro__[1].__name__}\n")
