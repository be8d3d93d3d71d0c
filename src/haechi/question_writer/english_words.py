"""Lists of English words that the offline writer knows, and the forms of the verbs among them."""

import re


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


FUNCTION_WORDS = _set("""
    a an the of to in on at by for with from and or but nor so as is are was were be been being am do does did has have had
    can could may might must shall should will would not no if when while where why how what which who whom whose that this
    these those there it its they them their he him his she her we us our you your i my me than then also only just very
    more most less least much many some any each every all both other another such same own into onto over under out up down
    off about after before between through during without within because since until unless although though however
    therefore thus per via etc see note please one two three first second use uses used using make made new need needs want
    like get set let itself available possible different latter still often thing things way ways case cases several already
    even various main certain example examples sure good better best able given cannot below above""")
"""Words that nobody types into a search box by themselves."""

NOT_SUBJECTS = _set("""
    it this that these those they he she we i there here one some such other both what which who whom whose where how why if
    when while because since although though unless until once after before for in on at by with without from to of as under
    over between during and or but nor so yet not no also then thus only even just most many much few several another all
    any each every either neither instead see note use let's please unlike like make depending based due according is are
    was were can could must should may might will would has have had do does did be been""")
"""Words that begin no subject that can be asked about on its own."""

AUXILIARIES = _set("is are was were can cannot could must should shall may might will would has have had do does did")

QUANTIFIERS = _set("all any each every most many several no")
"""But these may, before a noun: every keeper."""

BEFORE_NOUNS = _set("""
    a an the this that these those my your his her its our their no any each every some of in on at by for with from to and
    or not be been is are was were can must should may will would""")
"""What follows them is no verb in a finite form."""

GENERAL_TITLES = _set("""
    introduction overview summary contents index preface foreword background conclusion conclusions notes note description
    synopsis license licence example examples usage references reference options parameters arguments changelog changes
    history readme faq details general misc installation author authors copyright requirements features feature contributing
    support explanation fixes fixed recap citation citations key basic basics getting started start quick guide appendix
    chapter section part definitions scope purpose maintainers credits communication metadata disclaimer abstract results
    discussion methods acknowledgements question questions answer answers information about terms""")

WITH_OBJECTS = _set("""
    accept affect cause consist contain control cover create define describe determine display enable generate include
    indicate measure prevent produce protect provide receive reduce replace report represent require return store support
    handle perform allow show remove manage increase improve ensure expose bring offer need check""")
"""Verbs whose object can be asked for: what does a lock protect?"""

MEASURED = re.compile(
    r"\b(?:size|length|limit|number|timeout|default|age|cost|price|fee|time|period|width|height|depth|value|maximum|minimum|rate|weight"
    r"|distance|temperature|speed|population|area|duration|capacity|deadline|port|version|salary|rent|deposit|range|share|percentage)\b"
)
"""What a figure may say of a subject."""

EMPTY_TERMS = _set("reason difference problem answer goal idea thing way point result next step case type kind")
"""What is said to be something with them is no definition."""
NO_ACTS = (FUNCTION_WORDS - _set("use make get set let")) | _set("be avoid learn find help forget worry know consider wish")
"""What nobody asks how to do."""
NO_GERUNDS = _set("string thing setting king during breaking working existing remaining leading missing following")
TIMES = _set("seconds minutes hours days weeks months years")

_BASES = """
    accept add affect allow appear apply belong bring build call carry cause change check combine compile consist contain
    control convert cost cover create define delete depend describe determine differ display eat emit enable end ensure
    exist expect expire expose fail follow form generate give go grow handle happen have help hold improve include increase
    indicate install introduce keep last lead let list live load look lose make manage match matter mean measure move need
    occur offer open own pass pay perform prevent produce protect provide read receive reduce refer remain remove replace
    report represent require resolve result return run save search see send serve set show sit specify start stay stop store
    support take tell throw treat try turn use vary wait want weigh work write"""
_PASTS = """
    became:become brought:bring built:build came:come designed:design developed:develop died:die discovered:discover
    fell:fall gave:give grew:grow had:have held:hold introduced:introduce invented:invent joined:join kept:keep led:lead
    lost:lose made:make moved:move opened:open published:publish received:receive released:release rose:rise sent:send
    showed:show started:start stopped:stop took:take went:go won:win wrote:write"""


def third_person(base: str) -> str:
    """The keeper writes, has, carries, passes."""
    if base == "have":
        return "has"
    if base.endswith("y") and base[-2] not in "aeou":
        return base[:-1] + "ies"
    return base + ("es" if base.endswith(("s", "sh", "ch", "x", "o")) else "s")


VERBS = {
    **{third_person(base): (base, "does") for base in _BASES.split()},
    **{base: (base, "do") for base in _BASES.split()},
    **{past: (base, "did") for past, base in (pair.split(":") for pair in _PASTS.split())},
}
"""A form of a verb -> its base, and the auxiliary that a question about it takes."""
