"""A yearly report in Korean: an energy cooperative of a village that is on no map."""

from __future__ import annotations

from pathlib import Path

from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, Frame, PageBreak, PageTemplate, Paragraph, Spacer

from .charts import Frame as Plot
from .charts import Series, bars, legend, ring
from .kit import GREY, RULE, WHITE, Ask, Drawing, Marks, document, grid, left, right, style

NAME = "report-ko.pdf"
WIDE, HIGH = A4
INNER = WIDE - 120
DAWN, FIELD, NIGHT, STONE = (HexColor(c) for c in ("#e58a2f", "#5d8f4a", "#26364d", "#9aa4ae"))
H1 = style("Nanum-Bold", 15, 21, textColor=NIGHT, spaceBefore=10, spaceAfter=6)
BODY = style("Nanum", 10.5, 17.6, spaceAfter=8)
NOTE = style("Nanum", 8.8, 12, textColor=GREY, spaceBefore=4, spaceAfter=8)


def _page(c: Canvas, _: object) -> None:
    c.saveState()
    if c.getPageNumber() == 1:
        c.setFillColor(NIGHT)
        c.rect(0, HIGH - 190, WIDE, 190, stroke=0, fill=1)
        c.setFillColor(DAWN)
        c.wedge(WIDE - 200, HIGH - 260, WIDE - 60, HIGH - 120, 0, 180, stroke=0, fill=1)
        c.setFillColor(FIELD)
        c.rect(0, HIGH - 204, WIDE, 14, stroke=0, fill=1)
        left(c, 60, HIGH - 78, "새벽들마을 에너지협동조합", "Nanum-Bold", 13, DAWN)
        left(c, 60, HIGH - 124, "2024년 사업 보고서", "Nanum-Black", 31, WHITE)
        left(c, 60, HIGH - 154, "햇빛으로 함께 짓는 마을", "Nanum", 13, WHITE)
    else:
        c.setStrokeColor(RULE)
        c.line(60, HIGH - 48, WIDE - 60, HIGH - 48)
        left(c, 60, HIGH - 42, "새벽들마을 에너지협동조합", "Nanum-Bold", 8.5, DAWN)
        right(c, WIDE - 60, HIGH - 42, "2024년 사업 보고서", "Nanum", 8.5, GREY)
    right(c, WIDE - 60, 32, f"{c.getPageNumber()}쪽", "Nanum-Bold", 9, NIGHT)
    c.restoreState()


def _power(c: Canvas, width: float, height: float) -> None:
    years = (
        Series("2023년", (40.9, 66.5, 58.0, 54.1), STONE),
        Series("2024년", (42.6, 68.3, 91.7, 54.4), DAWN),
    )
    plot = Plot(36, 24, width - 44, height - 52, "Nanum", 9)
    bars(c, plot, ("마을회관", "초등학교", "공동창고", "버스 차고지"), years, (0, 25, 50, 75, 100))
    legend(c, plot, years, height - 12)


def _spending(c: Canvas, width: float, height: float) -> None:
    parts = (
        ("대출 상환", 21600, NIGHT),
        ("인건비", 15900, DAWN),
        ("유지 보수", 14300, FIELD),
        ("보험료", 3700, HexColor("#c75d4d")),
        ("교육", 2900, STONE),
    )
    ring(c, Plot(30, 6, width, height - 12, "Nanum", 10, "{:,.0f}천원".format), parts, ("58,400", "천원"))


def _story(marks: Marks) -> list[Flowable]:
    income = [
        ["수입 항목", "2024년 (천원)", "2023년 (천원)"],
        ["전력 판매", "41,120", "35,780"],
        ["조합비", "8,240", "7,280"],
        ["군 보조금", "12,500", "10,000"],
        ["교육 및 기타", "3,140", "2,690"],
        ["합계", "65,000", "55,750"],
    ]
    plan = [
        ["시기", "할 일", "담당"],
        ["2월 22일", "정기 총회 (마을회관, 오후 2시)", "사무국"],
        ["4월", "공동창고 축전지 40kWh 설치", "기술위원회"],
        ["6월", "청소년 태양광 교실 3기", "교육위원회"],
        ["9월", "버스 차고지 전기차 충전기 2대 설치", "기술위원회"],
        ["11월", "에너지 나눔 김장 잔치", "나눔위원회"],
    ]
    return [
        Spacer(1, 150),
        Paragraph("이사장 인사말", H1),
        Paragraph(
            "조합원 여러분, 안녕하십니까. 지난해 우리 마을의 태양광 발전소 네 곳은 모두 257.0메가와트시의 전기를 "
            "만들었습니다. 이는 마을 전체 가구가 쓰는 전기의 약 70퍼센트에 해당합니다.",
            BODY,
        ),
        Paragraph(
            "가장 큰 변화는 공동창고였습니다. 봄에 지붕 남쪽 면에 패널 96장을 더 얹은 덕분에 발전량이 크게 늘었습니다. "
            "반면 버스 차고지는 옆 건물 증축으로 생긴 그늘 때문에 기대만큼 늘지 않았습니다.",
            BODY,
        ),
        Paragraph(
            "8월의 태풍으로 초등학교 발전소의 인버터 한 대가 침수되어 열하루 동안 멈췄습니다. 다행히 수리비는 보험으로 "
            "모두 처리했고, 새 인버터는 바닥에서 1.5미터 높이에 다시 달았습니다.",
            BODY,
        ),
        Paragraph("조합원 현황", H1),
        Paragraph(
            "2024년 말 조합원은 412명입니다. 한 해 동안 57명이 새로 가입하고 9명이 탈퇴했습니다. 조합비는 1인당 연 "
            "2만 원으로 5년째 같으며, 올해도 올리지 않을 계획입니다.",
            BODY,
        ),
        Paragraph(
            "조합원의 3분의 1은 예순다섯 살이 넘었습니다. 그래서 올해부터 소식지를 큰 글씨로도 찍고, 총회 때에는 "
            "읍내에서 마을회관까지 차를 운행합니다.",
            BODY,
        ),
        PageBreak(),
        Paragraph("발전 실적", H1),
        Drawing(INNER, 205, _power, marks, "power"),
        Paragraph("그림 1. 발전소별 연간 발전량 (MWh)", NOTE),
        Paragraph(
            "네 곳의 발전량은 2023년 219.5메가와트시에서 17.1퍼센트 늘었습니다. 만든 전기의 62퍼센트는 마을 안에서 "
            "쓰고, 나머지는 전력 회사에 팔았습니다. 5월이 가장 좋았고 12월이 가장 나빴습니다.",
            BODY,
        ),
        Paragraph("수입", H1),
        grid(income, (215, 130, 130), "Nanum", size=9.8, head=NIGHT, strong=(5,), pad=6),
        Paragraph("표 1. 수입 결산", NOTE),
        Paragraph(
            "보조금은 공동창고 증설에만 썼습니다. 기타 수입에는 다른 마을에서 온 견학단 26팀의 참가비가 들어 있습니다.",
            BODY,
        ),
        PageBreak(),
        Paragraph("지출과 잉여금", H1),
        Drawing(INNER, 150, _spending, marks, "spending"),
        Paragraph("그림 2. 2024년 지출", NOTE),
        Paragraph(
            "수입에서 지출을 뺀 잉여금은 660만 원입니다. 이사회는 이 가운데 절반을 축전지 적립금으로 두고, 나머지는 "
            "난방이 어려운 열네 가구의 단열 공사에 쓰자고 총회에 제안합니다.",
            BODY,
        ),
        Paragraph("2025년 계획", H1),
        grid(plan, (80, 275, 120), "Nanum", size=9.8, head=NIGHT, numbers_from=9, pad=6),
        Spacer(1, 10),
        Paragraph(
            "축전지를 설치하면 낮에 남는 전기를 저녁에 쓸 수 있어, 마을 안 소비 비율이 75퍼센트까지 오를 것으로 "
            "봅니다. 궁금한 점은 사무국장 한도윤에게 물어보시기 바랍니다. 사무국은 화요일과 금요일 오전에 문을 엽니다.",
            BODY,
        ),
    ]


def build(path: Path, marks: Marks) -> None:
    """Write three pages in Korean."""
    body = Frame(60, 50, INNER, HIGH - 115, leftPadding=0, rightPadding=0, topPadding=0, bottomPadding=0)
    templates = [PageTemplate("page", [body], onPage=_page)]
    file = document(path, A4, templates, "2024년 사업 보고서", "새벽들마을 에너지협동조합")
    file.build(_story(marks))


ASKS = (
    Ask("태풍 때 멈춘 발전소는 며칠 동안 쉬었나요?", "열하루 (11일)", 1, "text", "열하루 동안 멈췄습니다", lang="ko"),
    Ask("새벽들마을 협동조합의 한 해 조합비는 얼마인가요?", "1인당 연 2만 원", 1, "text", "1인당 연 2만 원", lang="ko"),
    Ask("2024년 공동창고 발전소의 발전량은 얼마였나요?", "91.7 MWh", 2, "chart", "91.7", "power", lang="ko"),
    Ask("작년에 전기를 팔아 번 돈은 얼마입니까?", "41,120천원 (4,112만 원)", 2, "table", "전력 판매 41,120",
        lang="ko"),
    Ask("인건비로 얼마를 썼나요?", "15,900천원", 3, "chart", "인건비 15,900천원", "spending", lang="ko"),
    Ask("When will the Korean energy cooperative install electric car chargers, and how many?",
        "Two chargers at the bus depot, in September 2025", 3, "table", "9월 버스 차고지 전기차 충전기 2대 설치"),
)  # fmt: skip
