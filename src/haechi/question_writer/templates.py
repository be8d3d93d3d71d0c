"""How questions are put: for every style and kind the frames that a fact's parts are set into.

`{who:은}` is a part with the particle or ending that follows it, in the form that fits; `{case:*}` keeps the ending of the
passage. A frame is used only where the fact has all its parts. `TRAINING` and `HELD_OUT` share no frame, so that a model
can't win on the test set's own questions by learning how ours are put.

keyword: what people type into a search box; plain: a question about the rule; situation: somebody's case;
issue: the point at issue as jurists head it.
"""

from haechi.question_writer.prose_templates import PROSE_HELD_OUT, PROSE_TRAINING, Frames

STYLES = ("keyword", "plain", "situation", "issue")

_TRAINING: Frames = {
    "keyword": {
        "definition": ("{term} 뜻", "{term} 의미", "{term} 정의", "{term:이란}"),
        "duty": ("{name} 의무", "{who} {name} 의무", "{name} 대상", "{name} 해야 하나"),
        "forbidden": ("{name} 금지", "{name} 제한", "{name} 가능한지", "{who} {name} 금지"),
        "power": ("{name} 요건", "{name} 가능한 경우", "{who} {name}", "{name} 조건", "{name} 가능 여부"),
        "not": ("{name} 예외", "{name} 안 되는 경우"),
        "plain": ("{name}", "{who} {name}", "{name} 효과"),
        "penalty": ("{name} 처벌", "{name} {penalty}", "{name} 형량"),
        "period": ("{name} 기한", "{name} 기간", "{name} 언제까지"),
        "exception": ("{title} 예외", "{title} 적용 제외"),
        "title": (
            "{title}",
            "{?is_ban}{title} 예외",
            "{?is_ban}{title} 위반",
            "{?is_way}{title} 순서",
            "{?is_act}{title} 방법",
            "{?is_act}{title} 절차",
            "{?is_act}{title} 요건",
            "{?is_right}{title} 요건",
            "{?is_right}{title} 범위",
            "{?is_other}{title} 규정",
        ),
        "topic": ("{title}", "{title} 알아보기"),
        "words": ("{words}",),
    },
    "plain": {
        "definition": (
            "{term:은} 무엇을 말하나요?",
            "{term:이란} 무엇인가요?",
            "법에서 말하는 {term:은} 어떤 것인가요?",
            "{term:이라는} 말은 무슨 뜻인가요?",
            "어디까지를 {term:으로} 보나요?",
            "{desc:을} 무엇이라고 하나요?",
            "{desc:을} 가리키는 말이 있나요?",
        ),
        "duty": (
            "{who:은} {act:어야} 하나요?",
            "{?who}누가 {act:어야} 하나요?",
            "어떤 때에 {act:어야} 하나요?",
            "{who:이} {act:지} 않아도 되나요?",
            "{case:면} {act:어야} 하나요?",
            "{case:면} {who:은} 무엇을 해야 하나요?",
        ),
        "forbidden": (
            "{act:어도} 되나요?",
            "{who:이} {act:ᆯ} 수 있나요?",
            "{who:은} {act:면} 안 되나요?",
            "{act:는} 것은 금지되나요?",
            "{case:면} {act:ᆯ} 수 없나요?",
        ),
        "power": (
            "{who:은} {act:ᆯ} 수 있나요?",
            "어떤 경우에 {act:ᆯ} 수 있나요?",
            "{?who}누가 {act:ᆯ} 수 있나요?",
            "{case:면} {act:ᆯ} 수 있나요?",
            "{case:면} {who:이} 어떤 조치를 할 수 있나요?",
            "{who:이} {act:는} 것이 가능한가요?",
        ),
        "not": ("어떤 때에 {act:지} 않나요?", "{act:지} 않는 경우가 있나요?", "{case:면} {act:지} 않나요?"),
        "deemed": ("어떤 경우에 {act:ᆫ} 것으로 보나요?", "{case:면} {act:ᆫ} 것으로 보나요?"),
        "plain": (
            "{who:은} {act:나요}?",
            "{?who}누가 {act:나요}?",
            "{case:면} 어떻게 되나요?",
            "{case:면} {act:나요}?",
            "{who:은} 어떻게 {act:나요}?",
        ),
        "penalty": (
            "{done:면} 어떤 처벌을 받나요?",
            "{done:는} 사람은 어떻게 처벌되나요?",
            "{done:면} {penalty:은} 얼마까지 나오나요?",
            "{done:면} 어떤 불이익이 있나요?",
        ),
        "period": (
            "{?is_duty}{who:은} 언제까지 {act:어야} 하나요?",
            "{?is_duty}얼마 안에 {act:어야} 하나요?",
            "{?is_power}{who:은} 언제까지 {act:ᆯ} 수 있나요?",
            "{?is_power}언제가 지나면 {act:ᆯ} 수 없게 되나요?",
            "{act:는} 데 기한이 정해져 있나요?",
            "{act:는} 기한은 얼마나 되나요?",
        ),
        "listed": (
            "{?is_duty}{title:과} 관련해 어떤 {act:어야} 하나요?",
            "{?is_duty}{who:은} 어떤 {act:어야} 하나요?",
            "{?is_duty}{case:면} 어떤 {act:어야} 하나요?",
            "{?is_power}{title:과} 관련해 어떤 {act:ᆯ} 수 있나요?",
            "{?is_power}{who:은} 어떤 {act:ᆯ} 수 있나요?",
            "{?is_forbidden}{title:과} 관련해 어떤 {act:면} 안 되나요?",
            "{?is_forbidden}{who:은} 어떤 {act:면} 안 되나요?",
            "{?is_plain}{who:은} 어떤 {act:나요}?",
        ),
        "exception": ("{case:면} {title:은} 달라지나요?", "{title:에} 예외가 있나요?", "{case:면} 예외가 인정되나요?"),
        "title": (
            "{title:은} 어떻게 정해져 있나요?",
            "{title:에} 대해 알고 싶어요.",
            "{?is_ban}{title:은} 어디까지인가요?",
            "{?is_ban}{title:에} 걸리는 것은 무엇인가요?",
            "{?is_standard}{title:은} 무엇인가요?",
            "{?is_standard}{title:이} 궁금해요.",
            "{?is_way}{title:은} 어떻게 하나요?",
            "{?is_act}{title:은} 어떻게 하나요?",
            "{?is_act}{title:은} 언제 하나요?",
            "{?is_right}{title:은} 누구에게 있나요?",
            "{?is_right}{title:은} 언제 생기나요?",
            "{?is_time}{title:은} 얼마나 되나요?",
            "{?is_other}{title:은} 무엇인가요?",
        ),
        "topic": ("{title:에} 대해 알고 싶어요.", "{title:은} 어떻게 이루어지나요?"),
    },
    "situation": {
        "definition": (
            "계약서에 {term:이라는} 말이 나오는데 무슨 뜻인가요?",
            "저희도 {term:에} 들어가는지 어떻게 알 수 있나요?",
            "{desc:을} 법에서는 뭐라고 부르는지 찾고 있습니다.",
        ),
        "duty": (
            "{case:었는데} 어떻게 해야 하나요?",
            "{case:었습니다}. 꼭 {act:어야} 하나요?",
            "{case:었는데} {who:이} {act:어야} 한다고 하네요. 맞는 말인가요?",
            "아직 {act:지} 않았는데 문제가 되나요?",
            "{who:이} {act:지} 않고 있습니다. 따질 수 있나요?",
            "{act:어야} 한다는 말을 들었는데 정말인가요?",
            "{act:는} 것을 잊고 있었습니다. 어떻게 되나요?",
        ),
        "forbidden": (
            "{act:려고} 하는데 문제가 없을까요?",
            "{who:이} {act:었는데} 괜찮은 건가요?",
            "{act:어} 달라는 부탁을 받았는데 들어줘도 되나요?",
            "{case:었는데} 무엇을 하면 안 되나요?",
        ),
        "power": (
            "{case:었는데} {act:ᆯ} 수 있을까요?",
            "{case:었습니다}. 이런 때에 {who:이} {act:ᆯ} 수 있는지 궁금합니다.",
            "{case:었는데} 어떤 방법이 있을까요?",
            "{who:이} {act:겠다고} 합니다. 그래도 되나요?",
            "{act:려면} 어떤 요건이 필요한가요?",
            "{who:이} {act:었는데} 그럴 권한이 있나요?",
        ),
        "not": ("{case:었는데} 그래도 {act:나요}?", "{case:었는데} 그대로 두어도 되나요?"),
        "deemed": ("{case:었는데} {act:ᆫ} 것으로 취급되나요?", "{case:었습니다}. 법으로는 어떻게 보나요?"),
        "plain": (
            "{case:었는데} 그다음은 어떻게 되나요?",
            "{case:었습니다}. 무엇을 알아 두어야 하나요?",
            "{who:이} {act:는지} 알아보고 있습니다.",
        ),
        "penalty": (
            "{done:었습니다}. 처벌을 받게 되나요?",
            "아는 사람이 {done:었는데} 얼마나 무거운 처벌을 받을까요?",
            "모르고 {done:었는데} {penalty:을} 내야 하나요?",
            "{done:다가} 걸리면 어떻게 되나요?",
        ),
        "period": (
            "{?is_duty}{case:었는데} 언제까지 {act:어야} 하나요?",
            "{?is_power}{case:었는데} 언제까지 {act:ᆯ} 수 있을까요?",
            "{act:려고} 하는데 너무 늦지 않았을까요?",
            "{act:는} 것이 늦어졌는데 기한이 지났나요?",
        ),
        "listed": ("{?is_duty}{case:었는데} 어떤 {act:어야} 하나요?", "{?is_power}{case:었는데} 어떤 {act:ᆯ} 수 있을까요?"),
        "exception": ("{case:었는데} 예외로 봐 주나요?", "{case:었습니다}. 이럴 때도 원칙대로 해야 하나요?"),
        "title": (
            "{?is_standard}{title:을} 두고 다툼이 생겼습니다. 어떻게 따지나요?",
            "{?is_right}{title:을} 두고 다툼이 생겼습니다. 어떤 기준으로 따지나요?",
            "{?is_ban}{title:을} 어긴 것 같습니다. 어떻게 되나요?",
            "{?is_standard}{title:을} 확인하고 싶은데 어디에 나와 있나요?",
            "{?is_way}{title:을} 처음 맡았는데 어떻게 해야 하나요?",
            "{?is_act}{title:을} 앞두고 있는데 무엇을 확인해야 하나요?",
            "{?is_act}{title:이} 잘못된 것 같은데 어떻게 따지나요?",
            "{?is_right}상대방이 {title:을} 내세우는데 맞는 말인가요?",
            "{?is_time}{title:을} 넘긴 것 같은데 어떻게 되나요?",
        ),
        "topic": ("{title:을} 알아보고 있습니다. 무엇부터 보면 되나요?",),
    },
    "issue": {
        "definition": (
            "{term:의} 의미",
            "{term:에} 해당하는지 판단하는 기준",
            "{term:의} 의미와 범위",
            "{desc:이} {term:에} 해당하는지 여부",
        ),
        "duty": (
            "{who:이} {act:어야} 하는지 여부",
            "{act:ᆯ} 의무가 있는지 여부",
            "{case:*} 경우 {act:어야} 하는지",
            "{case:*} 경우 {who:이} {act:ᆯ} 의무를 지는지 여부",
            "{who:이} {act:ᆯ} 의무를 부담하는지",
        ),
        "forbidden": ("{act:는} 것이 허용되는지 여부", "{who:이} {act:ᆯ} 수 있는지 여부", "{case:*} 경우 {act:ᆯ} 수 있는지 여부"),
        "power": (
            "{act:ᆯ} 수 있는지 여부",
            "{act:기} 위한 요건",
            "{who:이} {act:ᆯ} 수 있는 경우",
            "{case:*} 경우 {who:이} {act:ᆯ} 수 있는지 여부",
            "{case:*} 경우 {act:ᆯ} 수 있는지 여부",
        ),
        "not": ("{act:지} 않는 경우", "{case:*} 경우에도 {act:는지} 여부"),
        "deemed": ("{act:ᆫ} 것으로 볼 수 있는지 여부", "{case:*} 경우 {act:ᆫ} 것으로 보는지"),
        "plain": ("{case:*} 경우의 법률관계", "{case:*} 경우 {act:는지} 여부", "{who:이} {act:는지} 여부"),
        "penalty": ("{done:는} 행위가 처벌 대상인지 여부", "{done:*} 경우의 제재"),
        "period": ("{?is_duty}{act:어야} 하는 기한", "{?is_power}{act:ᆯ} 수 있는 기간", "{who:이} {act:는} 기간의 제한"),
        "exception": (
            "{case:*} 경우 예외가 인정되는지 여부",
            "{title:의} 예외가 인정되는 경우",
        ),
        "title": (
            "{?is_right}{title:에} 관한 법리",
            "{?is_act}{title:에} 관한 법리",
            "{?is_other}{title:에} 관한 법리",
            "{?is_ban}{title:의} 의미와 범위",
            "{?is_standard}{title:의} 판단",
            "{?is_act}{title:의} 요건과 효과",
            "{?is_act}{title:의} 적법 여부",
            "{?is_right}{title:의} 성립 요건",
            "{?is_right}{title:의} 범위",
            "{?is_time}{title:의} 기산점",
            "{?is_other}{title:의} 의미",
        ),
    },
}

_HELD_OUT: Frames = {
    "keyword": {
        "definition": ("{term} 개념 정리",),
        "duty": ("{name} 필수인가",),
        "forbidden": ("{name} 허용되나",),
        "power": ("{name} 하는 법", "{name} 안내"),
        "plain": ("{name} 안내", "{name} 관련 정보"),
        "penalty": ("{name} 걸리면",),
        "period": ("{name} 마감",),
        "title": ("{title} 안내문", "{title} 알려 줘"),
        "topic": ("{title} 알려 줘", "{title} 정리"),
        "words": ("{words} 알려 줘", "{words} 관련"),
    },
    "plain": {
        "definition": ("{term:을} 쉽게 풀이해 주십시오.", "{desc:을} 일컫는 용어를 알려 주십시오."),
        "duty": ("{act:는} 일은 의무입니까?", "반드시 {act:어야} 합니까?", "{case:ᆯ} 때 지켜야 할 일을 알려 주십시오."),
        "forbidden": ("{act:는} 일이 허락됩니까?", "{act:어서는} 안 됩니까?"),
        "power": ("{act:는} 방법을 설명해 주십시오.", "{act:ᆯ} 수 있습니까?"),
        "not": ("{act:지} 않는 때를 알려 주십시오.",),
        "deemed": ("{act:ᆫ} 것으로 칩니까?",),
        "plain": ("{who:이} {act:는} 것이 맞습니까?", "{act:는} 때를 알려 주십시오.", "{case:ᆯ} 때의 처리를 설명해 주십시오."),
        "penalty": ("{done:는} 때의 벌을 설명해 주십시오.",),
        "period": ("{act:기} 위한 시한을 알려 주십시오.",),
        "listed": ("{?is_duty}무슨 {act:어야} 합니까?", "{?is_power}무슨 {act:ᆯ} 수 있습니까?"),
        "exception": ("{case:ᆯ} 때도 마찬가지입니까?",),
        "title": ("{title:을} 설명해 주십시오.", "{title:에} 대한 안내를 부탁드립니다."),
        "topic": ("{title:을} 설명해 주십시오.",),
    },
    "situation": {
        "duty": ("{case:게} 되었을 때 제가 할 일이 무엇입니까?", "{act:라고} 하던데 안 하면 손해를 봅니까?"),
        "forbidden": ("친구가 {act:자고} 하는데 말려야 합니까?",),
        "power": ("이번에 {act:어} 보려 합니다. 순서를 알려 주십시오.", "{case:게} 되면 누구에게 말합니까?"),
        "plain": ("{case:ᆫ} 상황입니다. 도와주십시오.", "{who:이} {act:ᆫ다고} 들었습니다. 사실입니까?"),
        "penalty": ("동료가 {done:는} 모습을 보았습니다. 큰 벌을 받습니까?",),
        "period": ("{act:는} 일을 미루고 있습니다. 며칠이나 더 미룰 수 있습니까?",),
        "exception": ("저는 {case:는} 형편입니다. 봐주는 규정이 있습니까?",),
        "title": ("처음이라 {title:을} 잘 모릅니다. 차근차근 알려 주십시오.",),
        "topic": ("처음이라 {title:을} 잘 모릅니다. 차근차근 알려 주십시오.",),
    },
}


def _with_prose(frames: Frames, prose: Frames) -> Frames:
    return {style: {**prose.get(style, {}), **kinds} for style, kinds in frames.items()}


TRAINING = _with_prose(_TRAINING, PROSE_TRAINING)
HELD_OUT = _with_prose(_HELD_OUT, PROSE_HELD_OUT)
