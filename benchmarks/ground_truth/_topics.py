"""Words by topic, in the singular and plural that small vocabularies have as one token."""

from __future__ import annotations

_LINES = """
files: file files path paths dir directory folder filename open read write close stream temp
networks: socket server client host port http https url request response address connection proxy
time: time date day days hour minute second seconds year month week timeout clock morning night
errors: error errors exception except raise fail failed failure traceback warning invalid bug
numbers: int integer float number numbers decimal complex digit digits count sum one two three ten
processes: process thread threads lock task tasks queue pool wait signal event loop
text: string strings str text word words letter letters char character line lines unicode ascii
animals: dog cat bird birds bear fish rabbit animals animal frog lion mouse duck bunny horse cow
family: mom dad mommy daddy mother father sister brother family mum baby boy girl friend
food: food eat ate cake apple apples cookie cookies cream sweet hungry fruit lunch dinner banana
nature: tree trees flower flowers sun sky water river sea rain snow garden forest park grass
feelings: happy sad scared angry proud excited love loved surprised kind nice brave mad worried
"""

TOPICS = {
    topic: frozenset(words.split())
    for topic, _, words in (line.partition(": ") for line in _LINES.strip().splitlines())
}
"""Topic -> words, compared without spaces around and without case."""
