"""What an English passage can be asked about: definitions, purposes, conditions, reasons, figures, who, when, where, its title.

Plainer than the Korean facts: patterns over whole sentences. A fact's slots are texts that frames set in as they stand.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping

from haechi.question_writer.english_sentences import (
    SUBCLAUSE,
    Clause,
    as_mine,
    clause,
    plural,
    self_contained,
    sentences,
    subject,
    within,
)
from haechi.question_writer.english_words import (
    EMPTY_TERMS,
    FUNCTION_WORDS,
    GENERAL_TITLES,
    MEASURED,
    NO_ACTS,
    NO_GERUNDS,
    QUANTIFIERS,
    TIMES,
    VERBS,
    WITH_OBJECTS,
)
from haechi.question_writer.facts import Fact
from haechi.records.passage import HEADINGS, Passage
from haechi.text.morphemes import stem

Slots = Mapping[str, str]
"""Parts of a question; a fact of which one is empty is none."""

_DEFINITION = re.compile(
    r"^(?P<term>[^,;:]{2,50}?) (?P<be>is|are|means|refers to|is defined as) (?:an?|the|any) (?!(?:an?|the) )\w.+$"
)
_NO_DEFINITION = re.compile(r" (?:an?|the) (?:lot|few|good|bad|best|better|only|same|most|first|last|case|reason|result|great)\b")
_STANDS_FOR = re.compile(r"\b(?P<term>[A-Z][A-Za-z0-9-]{1,11}) (?:stands for|is short for|is an abbreviation (?:of|for)) ")
_CALLED = re.compile(r"^(?P<subject>.+?) (?P<be>is|are) (?:called|known as|named|referred to as) ")
_USED_TO = re.compile(r"^(?P<subject>.+?) (?P<be>is|are|can be) (?:\w+ly |often )?used (?P<to>to|for|as) ")

_TO_DO = re.compile(r"^To (?P<act>[a-z]+ [^,;]+), (?!and |or )\w")
_YOU_CAN = re.compile(
    r"^You (?:can|may|could|should|must|need to|have to) (?P<act>[a-z]+ .+?) "
    r"(?:by|with|using|via|through|in order|if|when|as|from) "
)
_DO_TO = re.compile(
    r"^(?:Use|Run|Call|Pass|Add|Set|Press|Select|Click|Choose|Type|Open|Enter|Fill in|Contact|Ask|Bring) .+?(?<!how) "
    r"to (?P<act>[a-z]+ .+)$"
)
_WANTED = re.compile(r"^you (?:want|need|wish|would like|prefer|are trying|have) to (?P<act>.+)$", re.IGNORECASE)
_NEEDED = re.compile(r"^(?P<what>.+?) (?:is|are) (?:needed|required|necessary) (?P<to>to|for) (?P<act>[a-z].+)$")
_POSSIBLE = re.compile(
    r"^It is (?:not )?"
    r"(?P<how>possible|recommended|necessary|important|best|allowed|required|safe|advisable|forbidden|illegal|easy) "
    r"to (?P<act>.+)$"
)
_NEVER = re.compile(r"^(?:Do not|Don't|Don’t|Never) (?P<act>.+)$")

_CONDITION = re.compile(r"^(?P<if>If|When|Whenever|Once|Unless) (?P<case>[^,]+), (?!and |or )(?P<main>.+)$")
_CASE = re.compile(r"(?:the|an?|you|your) \w+ \w+", re.IGNORECASE)
"""A case that names something and says something of it, whichever the verb."""
_CIRCUMSTANCE = re.compile(r"^(?P<main>[^,:;]+?),? (?:only )?(?:if|when|whenever) (?P<case>[^,;]+)$")
_REASON = re.compile(r"^(?P<main>.+?),? (?:because|due to|as a result of|thanks to|owing to)\b")
_BECAUSE = re.compile(r"^Because (?P<why>[^,]+), (?P<main>.+)$")
_DIFFERENCE = re.compile(
    r"\bdifferences? between (?P<pair>[\w' -]+? and [\w' -]+?)(?: (?:is|are|was|lies)\b|[,.;:]|$)", re.IGNORECASE
)
_UNLIKE = re.compile(r"^(?:Unlike|In contrast to|Compared (?:to|with)) (?P<other>[^,]+), (?P<main>.+)$")

_MONTHS = "January|February|March|April|May|June|July|August|September|October|November|December"
_YEAR = re.compile(rf" (?:in|on|since|around|by) (?:(?:early |late )?(?:{_MONTHS})(?: \d{{1,2}},?)? )?(?:1[5-9]|20)\d\d\b")
_PARTICIPLE = (
    r"(?:\w+ed|written|built|made|given|held|run|led|sent|taken|chosen|drawn|kept|paid|found|sold|set|done|shown|known|seen)"
)
_DONE_BY = re.compile(
    rf"^(?P<subject>.+?) (?P<be>is|are|was|were) (?P<done>(?:\w+ly )?{_PARTICIPLE}) "
    r"by (?P<agent>(?!default|using|hand|\w+ing)[^,;]+)$"
)
_PERSON = re.compile(r"(?:the )?[A-Z]\w+ [A-Z]|(?:the|an?) \w*(?:er|or|ist|ian|ee|manager|committee|council|board|court|team)\b")
_MANNER = re.compile(rf"^(?P<act>(?:be )?{_PARTICIPLE}\b.*?) (?:by (?:\w+ly )?\w+ing|using|via|with the help of|through) ")
_PLACE = re.compile(
    r"^(?P<act>(?:be )?(?:stored|located|found|kept|placed|saved|listed|published|installed|held|documented|sold|grown)) "
    r"(?:in|at|under|on|inside) (?!order|fact|addition|general|time)"
)
_FIGURE = r"(?:\d[\d,.]*|two|three|four|five|six|seven|eight|nine|ten|twelve|twenty|thirty|fifty|hundred)"
_ABOUT = r"(?:(?:about|approximately|around|at least|at most|up to|only|exactly|set to|limited to|no more than|over|nearly) )*"
_AMOUNT = re.compile(rf"^{_ABOUT}[$€£]?{_FIGURE}\b")
_COUNTED = re.compile(rf"^(?P<verb>\w+) {_ABOUT}{_FIGURE} (?P<things>(?:[a-z-]+ ){{0,2}}[a-z-]+s)\b")
_UNIT = r"(?:business |working |calendar )?(?:second|minute|hour|day|week|month|year)s?"
_WITHIN = re.compile(rf"^(?P<act>.+?) (?:within|no later than|at least) {_FIGURE} {_UNIT}\b")
_THERE_ARE = re.compile(
    rf"^There are (?:currently |only |exactly |about )*{_FIGURE} (?P<things>[^,;:.]+?)(?:[,;:]| that | which | and |$)"
)

_HEDGE = re.compile(
    r"^(?:only|also|then|always|still|usually|typically|generally|often|now|currently|already|therefore|thus|just|actually|simply"
    r"|normally|automatically) "
)
_HANGS_ON = re.compile(
    r",? (?:because|which|so that|unless|although|though|while|where|in order to|as well as|rather than|such as|including"
    r"|instead of|regardless of|even (?:if|when)|except)\b|[;:] "
)
_NO_OBJECT = ("to ", "that ", "in ", "on ", "by ", "for ", "with ", "how ", "what ", "as ", "when ", "if ", "whether ")
_CODE = re.compile(r"[A-Za-z]\w*(?:[._(]\w*)+\)?|[a-z]+[A-Z]\w*|--[\w-]+")
_RETURNS = re.compile(
    r"^(?:Returns|Sets|Creates|Gets|Removes|Adds|Checks|Writes|Reads|Prints|Opens|Closes|Converts|Defines|Computes) "
)


def facts(passage: Passage) -> list[Fact]:
    """Everything that an English passage can be asked about, in its order."""
    title = clean_title(passage.header if passage.type == "doc" else passage.title)
    context = {"title": title} if title else {}
    said = sentences(passage.body)
    made = [Fact("title", {**context, **slots}, "") for slots in _title(title)]
    keywords = [_keywords(sentence.plain) for sentence in said]
    counts = Counter(stem(word) for words in [*keywords, title.lower().split()] for word in dict.fromkeys(words))
    for sentence, words in zip(said, keywords, strict=True):
        read = ((kind, _named(slots, title)) for kind, slots in _read(sentence.plain, title) if all(slots.values()))
        made += [Fact(kind, {**context, **slots}, sentence.text) for kind, slots in read]
        repeated = {stem(word): word for word in words[::-1] if counts[stem(word)] > 1}
        if len(repeated) >= 3 and any(counts[word] > 2 for word in repeated):
            made.append(Fact("words", {**context, "nouns": "\t".join(list(repeated.values())[::-1])}, sentence.text))
    return made


def _named(slots: Slots, title: str) -> Slots:
    """A case of what bears a name in code says so: `if the rope is long` alone could be anywhere."""
    return {**slots, "case": f"{slots['case']} in {title}"} if "case" in slots and _CODE.fullmatch(title) else slots


def clean_title(path: str) -> str:
    """The innermost heading that says something, as people say it; nothing if all are general words such as Overview."""
    return next((title for part in path.split(HEADINGS)[::-1] if (title := _clean_title(part))), "")


def _clean_title(title: str) -> str:
    title = re.sub(r"^(?:(?:Chapter|Section|Part|Appendix|Article)\s+)?[\dIVX]*[\d.]*[.:)]?\s+", "", title.strip())
    title = re.sub(r"\([^()]*\)|\[[^\[\]]*\]|<[^<>]*>|[`*\"“”]", "", title).strip(" .:#-")
    words = title.lower().split()
    general = set(words) <= GENERAL_TITLES | FUNCTION_WORDS
    return "" if general or len(words) > 10 or not re.search(r"[A-Za-z]{3}", title) else title


def _title(title: str) -> Iterator[Slots]:
    """A title by what it names: an act, code, a subject; a question is only searched for, a common word not even that."""
    if not title:
        return
    first, *rest = title.split()
    word = re.split("['’]", first.lower())[0]
    if word == "how" and len(rest) > 2 and rest[0].lower() == "to":
        yield {"act": " ".join([rest[1].lower(), *rest[2:]]).rstrip("?")}
    elif _CODE.fullmatch(title):
        yield {"name": title}
    elif title.endswith("?") or (word in ("how", "what", "why", "when", "who", "where") and len(rest) > 2):
        yield {}
    elif word not in FUNCTION_WORDS - {"the", "a", "an"} and (rest or not title[1:].islower()):
        gerund = word.endswith("ing") and rest and word not in NO_GERUNDS
        yield (
            {"doing": " ".join([first.lower(), *rest])}
            if gerund
            else {"subject": within(title) if word in ("the", "a", "an") else title}
        )


def _keywords(sentence: str) -> list[str]:
    """Words that people type: no function words, no forms of common verbs, no adverbs."""
    words = (word.strip(".,;:'’").lower() for word in sentence.split())
    useless = FUNCTION_WORDS | VERBS.keys()
    return [w for w in words if len(w) > 2 and w.isalpha() and w not in useless and not w.endswith(("ly", "ed", "ing"))]


def _read(sentence: str, title: str) -> Iterator[tuple[str, Slots]]:
    """Kinds and slots of one sentence."""
    yield from _definition(sentence)
    yield from _act_facts(sentence)
    yield from _condition(sentence)
    yield from _comparison(sentence)
    if _RETURNS.match(sentence) and _CODE.fullmatch(title):
        yield "action", {"name": title, "verb": "return" if sentence.startswith("Returns ") else "do"}
    if (match := _DONE_BY.match(sentence)) and (name := subject(match["subject"])):
        who = "who" if _PERSON.match(match["agent"]) else "what"
        yield "agent", {"who": who, "be": match["be"], "subject": name, "done": match["done"]}
    if (match := _THERE_ARE.match(sentence)) and self_contained(match["things"], 8) and " " in match["things"]:
        yield "number", {"things": match["things"]}
    if plain := clause(sentence):
        yield from _figures(plain)
        yield from _modal(plain)
        yield from _statement(plain)


def _definition(sentence: str) -> Iterator[tuple[str, Slots]]:
    if match := _STANDS_FOR.search(sentence):
        yield "abbreviation", {"term": match["term"]}
    if (match := _CALLED.match(sentence)) and len((name := subject(match["subject"])).split()) >= 3:
        yield "called", {"be": match["be"], "subject": name}
    if (match := _USED_TO.match(sentence)) and (name := subject(match["subject"])):
        be = {"be": match["be"]} if match["be"] != "can be" else {}
        yield "purpose", {**be, "subject": name, "bare": _bare(name), "for": "as" if match["to"] == "as" else "for"}
    match = _DEFINITION.match(sentence)
    name = subject(match["term"]) if match else ""
    if match and name and name != "you" and not _NO_DEFINITION.match(sentence[match.end("be") :]):
        bare = _bare(name)
        if (
            len(bare.split()) <= 4
            and not set(bare.lower().split()) & EMPTY_TERMS
            and " and " not in bare
            and not (" of " in bare and name != bare)
        ):
            yield "definition", {"term": name, "bare": bare, "be": "are" if match["be"] == "are" else "is"}


def _bare(name: str) -> str:
    return re.sub(r"^(?:an?|the) ", "", name)


def _act(text: str) -> str:
    """An act as the one who asks would name it; nothing where it says too little."""
    text = _cut(text)
    first, *rest = text.split() or [""]
    enough = any(word.lower() not in FUNCTION_WORDS and len(word) > 2 for word in rest)
    return as_mine(text) if enough and self_contained(text) and first not in NO_ACTS else ""


def _cut(text: str) -> str:
    """Without what hangs on it; nothing where that would tear a list apart."""
    match = _HANGS_ON.search(text)
    head = text[: match.start()] if match else text
    return "" if "," in head else head


def _act_facts(sentence: str) -> Iterator[tuple[str, Slots]]:
    """What somebody wants to do, needs for it, may not do."""
    if match := _TO_DO.match(sentence) or _YOU_CAN.match(sentence) or _DO_TO.match(sentence):
        yield "howto", {"act": _act(match["act"])}
    if (match := _NEEDED.match(sentence)) and subject(match["what"]):
        yield "need", {"to": match["to"], "act": _act(match["act"])}
    if match := _POSSIBLE.match(sentence):
        yield "judgement", {"how": match["how"], "act": _act(match["act"])}
    if match := _NEVER.match(sentence):
        yield "permission", {"subject": "I", "whom": "me", "act": _act(match["act"])}


def _condition(sentence: str) -> Iterator[tuple[str, Slots]]:
    """What follows from a case, in which case something holds, and why."""
    if match := _CONDITION.match(sentence):
        case, word = match["case"], match["if"].lower().replace("whenever", "when")
        if wanted := _WANTED.match(case):
            yield "howto", {"act": _act(wanted["act"])}
        elif (clause(case) or _CASE.match(case)) and self_contained(case):
            yield "condition", {"if": word, "case": as_mine(within(case))}
    elif (match := _CIRCUMSTANCE.match(sentence)) and (main := clause(match["main"])):
        yield "circumstance", _asked(main)
    if (match := _REASON.match(sentence) or _BECAUSE.match(sentence)) and (main := clause(match["main"])):
        yield "reason", _asked(main)


def _asked(main: Clause) -> Slots:
    """A clause as a question about it puts it: the auxiliary first."""
    rest = _cut(_HEDGE.sub("", main.rest))
    negated = " not" if main.negated else ""
    whole = self_contained(rest) and not re.search(r"\b(?:that|which|who)\b|^(?:and|or) ", rest)
    return {"asked": as_mine(f"{main.auxiliary} {main.subject}{negated} {rest}") if whole else ""}


def _comparison(sentence: str) -> Iterator[tuple[str, Slots]]:
    pair = ""
    if match := _DIFFERENCE.search(sentence):
        first, _, second = match["pair"].partition(" and ")
        pair = f"{within(first)} and {within(second)}"
    elif (match := _UNLIKE.match(sentence)) and (main := clause(match["main"])):
        pair = f"{main.subject} and {within(match['other'])}"
    if pair and self_contained(pair, 10):
        yield "difference", {"pair": pair}


def _figures(plain: Clause) -> Iterator[tuple[str, Slots]]:
    """When, how much, how many, how long, how soon."""
    who = as_mine(plain.subject)
    if plain.auxiliary in ("was", "were", "did") and (match := _YEAR.search(plain.rest)):
        act = plain.rest[: match.start()]
        yield "time", {"asked": f"{plain.auxiliary} {plain.subject} {act}" if self_contained(act) else ""}
    if plain.auxiliary in ("is", "are", "was", "were") and _AMOUNT.match(plain.rest) and MEASURED.search(plain.subject):
        yield "amount", {"be": plain.auxiliary, "subject": plain.subject}
    if plain.auxiliary in ("does", "do", "did") and (match := _COUNTED.match(plain.rest)):
        if match["things"] in TIMES and match["verb"] in ("take", "last", "keep", "wait", "run", "live"):
            yield "duration", {"asked": f"{plain.auxiliary} {who} {match['verb']}"}
        elif match["things"].split()[-1] not in TIMES and match["verb"] != "refer":
            yield "count", {"things": match["things"], "asked": f"{plain.auxiliary} {who} {match['verb']}"}
    if plain.auxiliary in ("must", "should", "shall", "can", "may", "will") and (match := _WITHIN.match(plain.rest)):
        yield "deadline", {"asked": f"{plain.auxiliary} {who} {as_mine(match['act'])}" if self_contained(match["act"]) else ""}


def _modal(plain: Clause) -> Iterator[tuple[str, Slots]]:
    """Duties, permissions and bans."""
    vague = re.match(
        r"(?:be (?:able|sure|careful|aware|noted|found|seen|thought|used)|also|then|always|still|never)\b", plain.rest
    )
    if plain.auxiliary not in ("must", "shall", "should", "may", "can") or vague:
        return
    who, act = as_mine(plain.subject), _act(_HEDGE.sub("", plain.rest))
    whom = "me" if who == "I" else who
    if plain.auxiliary in ("may", "can") or plain.negated:
        yield "permission", {"subject": who, "whom": whom, "act": act}
    else:
        yield "duty", {"do": "do" if plural(who) else "does", "subject": who, "whom": whom, "act": act}


def _statement(plain: Clause) -> Iterator[tuple[str, Slots]]:
    """What something does, how and where it is done, and whether at all."""
    verb, _, rest = plain.rest.partition(" ")
    if plain.negated or plain.subject == "you":
        return
    begins, general = f"{plain.auxiliary} {plain.subject}", plain.subject.split()[0] in QUANTIFIERS
    if verb in WITH_OBJECTS and plain.auxiliary in ("does", "do") and not rest.startswith(_NO_OBJECT) and not general:
        yield "object", {"asked": f"{begins} {verb}{' of' if verb == 'consist' else ''}"}
    rest = _HEDGE.sub("", plain.rest)
    if plain.auxiliary in ("is", "are", "was", "were") or rest.startswith("be "):
        if (match := _MANNER.match(rest)) and not SUBCLAUSE.search(match["act"]) and self_contained(match["act"], 10):
            yield "manner", {"asked": f"{begins} {match['act']}"}
        if match := _PLACE.match(rest):
            yield "place", {"asked": f"{begins} {match['act']}"}
    told = _AMOUNT.match(rest) or rest.startswith(("a ", "an ", "the "))
    if plain.auxiliary in ("is", "are", "does", "do", "did", "was", "were", "will") and not told:
        yield "whether", _asked(plain)
