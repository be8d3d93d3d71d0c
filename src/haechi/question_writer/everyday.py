"""Everyday words for written ones. Each line: what a passage writes, what training's questions say, what the test's say.

Verbs are stems with their ending of derivation (증가하, 증가시키); `-R` and `-I` mark stems as Kiwi does, `/VA` an adjective.
Two lists, so that a model which learnt ours by heart gains nothing on the test.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from haechi.question_writer.inflection import EVERYDAY_NOUNS, EVERYDAY_VERBS, Morpheme


@dataclass(frozen=True, slots=True)
class Lexicon:
    """What to say instead: nouns as text, verbs as the stem that takes the ending."""

    nouns: Mapping[str, str]
    verbs: Mapping[str, tuple[Morpheme, ...]]
    inside: bool
    """Whether verbs that modify a noun are said otherwise too."""


_VERBS = """
발생하 생기 일어나
발생되 생기 일어나
발생시키 일으키 만들어_내
사용하 쓰 이용하
사용되 쓰이 이용되
이용하 쓰 사용하
이용되 쓰이 사용되
활용하 쓰 이용하
활용되 쓰이 이용되
유지하 지키 지키
유지되 이어지 지켜지
제공하 주 마련해_주
증가하 늘어나 많아지
증가되 늘어나 많아지
증가시키 늘리 키우
감소하 줄어들 적어지
감소되 줄어들 적어지
감소시키 줄이 낮추
수행하 하 하
형성하 만들 이루
형성되 만들어지 생겨나
생성하 만들어_내 만들
생성되 만들어지 생겨나
생산하 만들어_내 만들
생산되 만들어지 나오
조절하 맞추 다스리
이동하 움직이 옮겨_가
이동시키 옮기 움직이게_하
존재하 있/VA 있/VA
위치하 있/VA 있/VA
보호하 지키 돌보
흡수하 빨아들이 받아들이
흡수되 스며들 빨려_들어가
전달하 전하 보내
전달되 전해지 넘어가
측정하 재 재
계산하 구하 셈하
변화하 바뀌 달라지
변화되 바뀌 달라지
변화시키 바꾸 달라지게_하
변하 바뀌 달라지
변환하 바꾸 바꾸어_내
변환되 바뀌 달라지
포함되 들어가 들어가
결정하 정하 정하
결정되 정해지 정해지
발견하 찾아내 알아내
발견되 나타나 보이
관찰하 살펴보 지켜보
관찰되 보이 나타나
고려하 따져_보 생각하
확인하 알아보 살피
향상시키 높이 끌어올리
향상되 좋아지 나아지
초래하 불러오 일으키
유발하 일으키 불러오
야기하 일으키 불러오
생존하 살아남-R 버티
방출하 내보내 내뿜-R
방출되 나오 빠져나가
배출하 내보내 내놓-R
배출되 나오 빠져나가
섭취하 먹-R 챙겨_먹-R
예방하 막-R 미리_막-R
방지하 막-R 미리_막-R
억제하 막-R 억누르
차단하 막-R 가로막-R
결합하 합쳐지 붙-R
성장하 자라 커_가
번식하 자손을_남기 수를_늘리
공급하 대_주 보내_주
저장하 모아_두 쌓아_두
저장되 쌓이 모이
비교하 견주 대_보
제거하 없애 치우
제거되 없어지 사라지
진행되 이루어지 이어지
도달하 이르 닿-R
담당하 맡 맡
전파되 퍼지 번지
연결하 잇-I 이어_붙이
연결되 이어지 맞붙-R
작동하 돌아가 움직이
상승하 오르 올라가
하락하 떨어지 내려가
해결하 풀 풀어내
통과하 지나 지나가
처리하 다루 손보
표현하 나타내 드러내
감염되 걸리 옮-R
분해하 쪼개 부수
분해되 쪼개지 부서지
운반하 나르 실어_나르
선택하 고르 뽑-R
기록하 적-R 써_두
수집하 모으 끌어모으
개선하 고치 나아지게_하
예측하 내다보 미리_알
지원하 돕-I 도와주
촉진하 빠르게_하 앞당기
촉진시키 빠르게_하 앞당기
분리하 나누 떼어_내
분리되 나뉘 떨어지
회전하 돌 빙빙_돌
충돌하 부딪치 맞부딪치
감지하 느끼 알아채
서식하 살 머물
개발하 만들 만들어_내
제시하 내놓-R 내보이
소비하 쓰 써_버리
제한하 막-R 묶-R
공유하 나누 함께_가지
식별하 알아보 가려내
추정하 어림잡-R 짐작하
접근하 다가가 가까이_가
보존하 지키 남겨_두
발달하 자라나 커지
발전시키 키우 나아지게_하
가열하 데우 뜨겁게_하
가열되 뜨거워지 데워지
냉각되 식 차가워지
증발하 날아가 마르
의존하 기대 매달리
치료하 고치 낫게_하
저하되 떨어지 나빠지
저하시키 떨어뜨리 나빠지게_하
확보하 얻-R 손에_넣-R
전송하 보내 건네
변경하 바꾸 고치
혼합하 섞-R 뒤섞-R
혼합되 섞이 뒤섞이
손상되 망가지 다치
손상시키 망가뜨리 해치
파괴하 부수 망가뜨리
파괴되 무너지 망가지
사망하 죽-R 숨지
지속되 이어지 오래가
기여하 도움이_되 이바지하
경험하 겪-R 느끼
구매하 사 사들이
판매하 팔 내다_팔
완화하 누그러뜨리 덜
완화시키 누그러뜨리 덜
확장하 넓히 늘리
확장되 넓어지 늘어나
건설하 짓-I 세우
설치하 놓-R 달
추출하 뽑아내 꺼내
삽입하 넣-R 끼우
제출하 내 건네
납부하 내 치르
지급하 주 치르
통지하 알리 전하
작성하 만들 쓰
보관하 두 맡아_두
요청하 부탁하 바라
문의하 묻-I 물어보
유사하 비슷하/VA 닮-R
동일하 같/VA 똑같/VA
적절하 알맞/VA 마땅하/VA
강력하 세/VA 힘세/VA
부족하 모자라 적/VA
충분하 넉넉하/VA 많/VA
거대하 크/VA 커다랗/VA
신속하 빠르/VA 재빠르/VA
용이하 쉽/VA-I 편하/VA
유해하 해롭/VA-I 나쁘/VA
풍부하 많/VA 넉넉하/VA
나타내 드러내 보이
높이 올리 키우
줄이 덜 낮추
떨어지 낮아지 내려가
미치 주 끼치
"""

_NOUNS = """
인간 사람 사람
신체 몸 몸
인체 몸 사람_몸
체내 몸속 몸_안
혈액 피 피
태양 해 해
태양광 햇빛 햇살
햇빛 햇볕 햇살
토양 흙 땅
해양 바다 바다
질병 병 병
질환 병 병
식품 음식 먹을거리
음식물 음식 먹을거리
영양분 양분 영양소
영양소 영양분 양분
수분 물기 물기
속도 빠르기 속력
생물체 생물 생명체
생명체 생물 생물체
곤충 벌레 벌레
아동 아이 어린이
노인 어르신 고령자
여성 여자 여자
남성 남자 남자
국가 나라 나라
자동차 차 승용차
차량 차 자동차
체중 몸무게 몸무게
서식지 사는_곳 보금자리
표면 겉 겉면
내부 속 안쪽
외부 밖 바깥
주변 둘레 근처
암석 돌 바위
씨앗 씨 종자
세균 박테리아 균
이산화탄소 CO2 탄산가스
특성 특징 성질
특징 특성 성질
기능 역할 역할
능력 힘 재주
구조 짜임새 구성
형태 모양 모습
방식 방법 방법
부모 엄마_아빠 어버이
피부 살갗 살
치아 이빨 이
약물 약 약
환자 아픈_사람 병자
증상 증세 조짐
통증 아픔 고통
비용 돈 값
가격 값 값
소득 벌이 수입
법률 법 법
기업 회사 회사
농부 농사꾼 농민
농업 농사 농사
작물 농작물 농작물
산림 숲 숲
항성 별 별
소리 음 음향
데이터 자료 기록
네트워크 통신망 망
시스템 체계 장치
사용자 이용자 쓰는_사람
고객 손님 손님
오류 잘못 에러
갈등 다툼 마찰
감정 기분 느낌
수면 잠 잠
성인 어른 어른
청소년 십대 십대
영아 아기 젖먹이
유아 아기 어린아이
태아 배_속_아기 배_속_아기
물고기 어류 생선
포식자 천적 잡아먹는_동물
자손 후손 새끼
조상 선조 선조
절반 반 반
이점 좋은_점 장점
장점 좋은_점 이점
단점 나쁜_점 약점
색상 색 빛깔
요소 요인 것
DNA 디엔에이 유전_물질
대기 공기 공기
과학자 연구자 학자
에너지원 연료 동력원
먹이 먹을_것 먹잇감
무게 중량 중량
의사 의료진 의료인
도로 길 길
"""


def _stem(text: str) -> tuple[Morpheme, ...]:
    form, _, tag = text.replace("_", " ").partition("/")
    form, _, conjugation = form.partition("-")
    return ((form, tag or ("VV" + (f"-{conjugation}" if conjugation else ""))),)


def _lexicon(column: int) -> Lexicon:
    nouns, verbs = ([line.split() for line in table.strip().splitlines()] for table in (_NOUNS, _VERBS))
    return Lexicon(
        {row[0]: row[column].replace("_", " ") for row in nouns}, {row[0]: _stem(row[column]) for row in verbs}, inside=True
    )


LEGAL = Lexicon(EVERYDAY_NOUNS, {f"{noun}하": stem for noun, stem in EVERYDAY_VERBS.items()}, inside=False)
PROSE = (_lexicon(1), _lexicon(2))
"""Training's and the test's."""
