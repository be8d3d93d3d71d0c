"""English sentences of a passage, and where subject, auxiliary and the rest of a clause stand; by word lists, without a model.

Gives up what it can't be sure of: a clause whose verb is in no list, whatever points elsewhere (it, this, the above), code.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from haechi.question_writer.english_words import AUXILIARIES, BEFORE_NOUNS, FUNCTION_WORDS, NOT_SUBJECTS, QUANTIFIERS, VERBS

_PARENTHESES = re.compile(r"\s*\([^()]*\)|\s*\[[^\[\]]*\]")
_END = re.compile(r"(?<=[.?!])[\"'”’]?\s+(?=[\"'“‘(]?[A-Z0-9])")
_ABBREVIATION = re.compile(r"\b(?:e\.g|i\.e|etc|vs|cf|Mr|Mrs|Ms|Dr|St|No|Fig|Sec|Art|Inc|Ltd|Co|al|approx|[A-Z])\.$")
_OPENER = re.compile(
    r"^(?:(?:However|Therefore|Thus|Hence|Moreover|Furthermore|Additionally|In addition|Also|Then|So|But|And|Finally|Firstly"
    r"|Secondly"
    r"|For example|For instance|As an example|In general|Generally|Normally|Usually|Typically|Currently|Of course|In practice"
    r"|Note|As a result|By default|In fact|That said|Similarly|Instead|Again|Now|Tip|Warning|Important),?:? (?=[A-Za-z])"
    r"|(?:Please )?(?:note|remember|be aware) that )",
    re.IGNORECASE,
)
_BULLET = re.compile(r"^(?:[-*•·–]|\(?\d{1,3}[.)]|\(?[a-z][.)])\s+")
_POINTS = re.compile(
    r"\b(?:this|these|those|it|its|itself|they|their|them|he|his|him|she|her|we|our|us|let's|here|above|below|following|follows|such"
    r"|former|latter|previous|previously|earlier|later|same|examples?|sections?|figures?|listings?|tables?|chapters?|appendix|others?"
    r"|another|both|either|neither|ones?|so|too|also|otherwise|(?:every|some|any|no)(?:thing|one|body)|aforementioned|hence|i|i'm|me|my)\b",
    re.IGNORECASE,
)
_ODD = re.compile(
    r"[^\w\s,.'’%$€£/&+#°–-]|_{2,}|\w_(?:\s|$)|\bhttps?\b|www\.|\s[–-](?:\s|$)|::|--|\b\w{30,}\b|(?:^|\s)[^\w\s$€£#.]+(?:\s|$)"
)
_LOOSE_END = re.compile(
    r"\b(?:the|an?|of|to|in|on|at|by|for|with|from|and|or|as|is|are|be|that|which|who|any|each|every|no|if|when|than|not|only|into"
    r"|about|via|using|like|whether|because|full|more|even|your|my)$",
    re.IGNORECASE,
)
SUBCLAUSE = re.compile(r"\b(?:that|which|who|whom|whose|where|when|if|because|whether)\b|[,:;]")
_AUXILIARY = re.compile(
    r"^(?P<subject>.+?) "
    r"(?P<auxiliary>is|are|was|were|can|cannot|could|must|should|shall|may|might|will|would|(?:has|have|had) been)"
    r"(?P<negated> not)? (?P<rest>.+)$"
)
_MINE = (
    (r"\byoursel(?:f|ves)\b", "myself"),
    (r"\byours\b", "mine"),
    (r"\byour\b", "my"),
    (
        r"\b(to|for|with|from|of|by|on|lets?|allows?|gives?|helps?|enables?|tells?|shows?|requires?|wants?|offers?) you\b",
        r"\1 me",
    ),
    (r"\byou(?:['’]re| are)\b", "I am"),
    (r"\bare you\b", "am I"),
    (r"(?<=[a-z] )you\b(?=[,.]|$| (?:to|by|with|in|on|for|from|at|that|how|what|when|if|as|through|about|and|or)\b)", "me"),
    (r"\byou\b", "I"),
)


class Sentence(NamedTuple):
    """A sentence as the passage has it, and as it is read: without full stop, quotation marks, parentheses and openers."""

    text: str
    plain: str


class Clause(NamedTuple):
    """`The keeper must check the well` -> the keeper, must, check the well; `The keeper checks the well` -> ..., does, ..."""

    subject: str
    auxiliary: str
    rest: str
    negated: bool


def sentences(body: str) -> list[Sentence]:
    """The whole sentences of a text, whose lines may be wrapped."""
    parts = [part for line in _unwrapped(body) for part in _split(line)]
    return [Sentence(part, plain) for part in parts if (plain := _plain(part))]


def _unwrapped(body: str) -> Iterator[str]:
    """Lines, with those put together that go on in the next one."""
    whole = ""
    for line in body.splitlines():
        goes_on = whole and whole[-1] not in ".?!:;" and len(whole) >= 50 and not _BULLET.match(line)
        if whole and (goes_on or line[:1].islower()):
            whole = f"{whole} {line}"
            continue
        if whole:
            yield whole
        whole = _BULLET.sub("", line)
    if whole:
        yield whole


def _split(line: str) -> Iterator[str]:
    begin = 0
    for end in _END.finditer(line):
        if not _ABBREVIATION.search(line[begin : end.start()]):
            yield line[begin : end.start()]
            begin = end.end()
    yield line[begin:]


def _plain(sentence: str) -> str:
    """Nothing where it is no whole sentence: a heading, a question, a line that announces a list."""
    if not sentence.rstrip("\"'”’)").endswith((".", "!")):
        return ""
    plain = " ".join(re.sub(r"[\"“”`]|''", "", _PARENTHESES.sub("", sentence)).split()).strip(" .!'")
    plain = _OPENER.sub("", re.sub(r" ([,.;:])(?= |$)|\b_(\w+?)_\b", r"\1\2", plain))
    return plain[:1].upper() + plain[1:] if 4 <= len(plain.split()) <= 45 else ""


def self_contained(text: str, most_words: int = 14) -> bool:
    """Whether it can stand in a question: nothing that points elsewhere, no code, no loose end."""
    words = text.split()
    if not 1 <= len(words) <= most_words or _POINTS.search(text) or _ODD.search(text) or _LOOSE_END.search(text):
        return False
    return any(len(word) > 2 and not word.endswith("ly") and word.lower() not in FUNCTION_WORDS for word in words)


def subject(text: str) -> str:
    """A subject as it stands within a question; nothing where nobody would know what it means."""
    first, _, rest = text.partition(" ")
    first = first.lower()
    if first == "you":
        return "" if rest else "you"
    if (first in NOT_SUBJECTS and not (first in QUANTIFIERS and rest)) or first.endswith(("ly", "ing", "n't")):
        return ""
    vague = first == "the" and len([word for word in rest.split() if word.lower() not in FUNCTION_WORDS]) < 2 and rest.islower()
    torn = any(word in AUXILIARIES or word.endswith(("n't", "n’t", "ly")) for word in rest.split())
    return "" if vague or torn or SUBCLAUSE.search(text) or not self_contained(text, 7) else within(text)


def within(text: str) -> str:
    """The beginning of a sentence as it stands within another: `The well` -> `the well`, but `DNA` and `Han River` stay."""
    first, _, rest = text.partition(" ")
    name = (
        any(c.isupper() for c in first[1:]) or not first.isalpha() or (rest[:1].isupper() and first.lower() not in FUNCTION_WORDS)
    )
    return text if name else text[:1].lower() + text[1:]


def clause(sentence: str) -> Clause | None:
    """Subject, auxiliary and rest of a sentence that begins with its subject; None where they aren't plain."""
    sentence = sentence[:1].upper() + sentence[1:]
    match = _AUXILIARY.match(sentence)
    if match and (name := subject(match["subject"])):
        auxiliary, _, been = match["auxiliary"].partition(" ")
        negated = bool(match["negated"]) or auxiliary == "cannot"
        return Clause(name, "can" if auxiliary == "cannot" else auxiliary, f"{been} {match['rest']}".strip(), negated)
    return _with_verb(sentence.split())


def _with_verb(words: list[str]) -> Clause | None:
    """`The keeper checks the well` -> the keeper, does, check the well."""
    for place in range(1, min(8, len(words) - 1)):
        form, before, after = words[place], words[place - 1].lower(), words[place + 1].lower()
        if form not in VERBS or before in BEFORE_NOUNS or after in ("of", "is", "are", "was", "were", "can", "must", "will"):
            continue
        base, auxiliary = VERBS[form]
        if base == "have" and after.endswith(("ed", "en", "not", "yet", "already", "also", "to", "no")):
            continue  # no possession: has been, has not
        name = subject(" ".join(words[:place]))
        if name and (auxiliary == "did" or plural(name) == (auxiliary == "do")):
            return Clause(name, auxiliary, " ".join([base, *words[place + 1 :]]), negated=False)
    return None


def plural(name: str) -> bool:
    """Whether a subject takes `do`: by its last letters, which is right more often than not."""
    last = name.split()[-1].lower()
    one = name.split()[0].lower() in ("a", "an", "each", "every")
    return name == "you" or name == "I" or (not one and last.endswith("s") and not last.endswith(("ss", "us", "is", "'s", "’s")))


def as_mine(text: str) -> str:
    """`if you lose your key` -> `if I lose my key`: who asks speaks of themselves."""
    for pattern, mine in _MINE:
        text = re.sub(pattern, mine, text, flags=re.IGNORECASE)
    return text
