"""A plan in Ukrainian: the cycle network of a city that is on no map."""

from __future__ import annotations

from pathlib import Path

from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, Frame, PageBreak, PageTemplate, Paragraph, Spacer

from .charts import Frame as Plot
from .charts import Series, bars, ring
from .kit import GREY, RULE, WHITE, Ask, Drawing, Marks, document, grid, left, right, style

NAME = "plan-uk.pdf"
WIDE, HIGH = A4
INNER = WIDE - 120
FOREST, SKY, WHEAT, CLAY = (HexColor(c) for c in ("#1f5c4a", "#3b82b0", "#e6b83c", "#b9603f"))
H1 = style("Serif-Bold", 15, 20, textColor=FOREST, spaceBefore=8, spaceAfter=6)
BODY = style("Serif", 10, 15.6, spaceAfter=7)
NOTE = style("Serif-Italic", 8.6, 12, textColor=GREY, spaceBefore=4, spaceAfter=8)


def _page(c: Canvas, _: object) -> None:
    c.saveState()
    if c.getPageNumber() == 1:
        c.setFillColor(FOREST)
        c.rect(0, HIGH - 175, WIDE, 175, stroke=0, fill=1)
        c.setStrokeColor(WHEAT)
        c.setLineWidth(3)
        for x in (WIDE - 150, WIDE - 84):
            c.circle(x, HIGH - 104, 25, stroke=1, fill=0)
        for x0, y0, x1, y1 in (
            (-150, -104, -126, -66),
            (-126, -66, -94, -66),
            (-94, -66, -117, -104),
            (-117, -104, -150, -104),
            (-117, -104, -130, -58),
            (-84, -104, -98, -54),
        ):
            c.line(WIDE + x0, HIGH + y0, WIDE + x1, HIGH + y1)
        left(c, 60, HIGH - 70, "Міська рада Зеленодара", "Sans-Bold", 10.5, WHEAT)
        left(c, 60, HIGH - 106, "План розвитку", "Serif-Bold", 27, WHITE)
        left(c, 60, HIGH - 140, "велосипедної мережі", "Serif-Bold", 27, WHITE)
    else:
        c.setStrokeColor(RULE)
        c.line(60, HIGH - 48, WIDE - 60, HIGH - 48)
        left(c, 60, HIGH - 42, "Зеленодар · План розвитку велосипедної мережі на 2025–2027 роки", "Sans", 8, GREY)
    right(c, WIDE - 60, 32, f"Сторінка {c.getPageNumber()} з 3", "Sans", 8.5, GREY)
    c.restoreState()


def _riders(c: Canvas, width: float, height: float) -> None:
    rows = (Series("", (640, 810, 930, 1370, 1780), SKY),)
    bars(c, Plot(40, 22, width - 50, height - 40, "Sans", 8.5), ("2020", "2021", "2022", "2023", "2024"), rows,
         (0, 500, 1000, 1500, 2000))  # fmt: skip


def _budget(c: Canvas, width: float, height: float) -> None:
    parts = (
        ("Міський бюджет", 21.4, FOREST),
        ("Обласний бюджет", 12.0, SKY),
        ("Грант фонду «Тиха вулиця»", 9.7, WHEAT),
        ("Внески підприємств", 5.5, CLAY),
    )
    write = lambda value: f"{value:.1f}".replace(".", ",") + " млн"  # noqa: E731
    ring(c, Plot(20, 6, width, height - 12, "Sans", 9.5, write), parts, ("48,6", "млн грн"))


def _story(marks: Marks) -> list[Flowable]:
    routes = [
        ["№", "Назва", "Звідки й куди", "Довжина", "Відкриття"],
        ["1", "Набережна", "Річковий вокзал – Ботанічний сад", "6,4 км", "відкрито 2023"],
        ["2", "Заводська", "Залізничний вокзал – завод «Прилад»", "5,1 км", "травень 2025"],
        ["3", "Університетська", "площа Ринок – Університет", "3,8 км", "вересень 2025"],
        ["4", "Південна", "площа Ринок – житловий масив Вишневий", "7,2 км", "червень 2026"],
        ["5", "Лісова", "Університет – Соснове озеро", "9,5 км", "травень 2027"],
        ["", "Разом", "", "32,0 км", ""],
    ]
    return [
        Spacer(1, 118),
        Paragraph("Навіщо місту цей план", H1),
        Paragraph(
            "За останні чотири роки кількість людей, які щодня їздять Зеленодаром на велосипеді, зросла майже втричі. "
            "Водночас безпечна доріжка в місті досі лише одна – уздовж річки. Мешканці Вишневого добираються до центру "
            "узбіччям об'їзної дороги, а студенти – тротуарами, де тісно й пішоходам.",
            BODY,
        ),
        Paragraph(
            "План визначає п'ять маршрутів загальною довжиною 32 кілометри. Вони з'єднають вокзал, університет, великі "
            "підприємства та спальні райони так, щоб від будь-якого будинку до найближчої доріжки було не більше ніж "
            "600 метрів.",
            BODY,
        ),
        Paragraph("Що показало опитування", H1),
        Paragraph(
            "У березні 2024 року ми опитали 2 315 мешканців. Більшість – 61 відсоток – пересіли б на велосипед, якби "
            "мали доріжку, відокремлену від автомобілів бордюром. Другою за частотою перешкодою виявилися крадіжки: "
            "нема де надійно залишити велосипед біля поліклінік, шкіл і ринку.",
            BODY,
        ),
        Paragraph(
            "Тому разом із доріжками місто встановить 140 стійок на 1 120 місць і дві закриті велопарковки з "
            "охороною – біля залізничного вокзалу та біля критого ринку. Перші дві години на них будуть безкоштовними.",
            BODY,
        ),
        Paragraph(
            "Окремо опитані просили не забирати дерев. Жодного дерева на маршрутах 2, 3 і 4 не зрубають; на Лісовому "
            "доведеться пересадити одинадцять молодих лип.",
            BODY,
        ),
        PageBreak(),
        Paragraph("Маршрути", H1),
        grid(routes, (24, 100, 215, 58, 78), "Sans", size=8.4, head=FOREST, numbers_from=9, strong=(6,), pad=6),
        Paragraph("Таблиця 1. П'ять маршрутів мережі та дати їх відкриття.", NOTE),
        Paragraph("Скільки людей їздить", H1),
        Paragraph(
            "Лічильник на мосту Ткачів працює від 2020 року. Стрибок у 2023 році пояснюється відкриттям Набережної: "
            "міст став частиною безперервного шляху від Річкового вокзалу до Ботанічного саду.",
            BODY,
        ),
        Drawing(INNER, 185, _riders, marks, "riders"),
        Paragraph("Рисунок 1. Велосипедистів на добу на мосту Ткачів, середнє за травень–вересень.", NOTE),
        Paragraph("Як будуватимемо", H1),
        Paragraph(
            "Ширина двобічної доріжки – не менше ніж 2,5 метра, покриття – рожевий асфальт, на перехрестях доріжка "
            "піднята до рівня тротуару. Узимку її прибирають до сьомої ранку, раніше за проїзну частину другорядних "
            "вулиць.",
            BODY,
        ),
        PageBreak(),
        Paragraph("Гроші", H1),
        Paragraph(
            "Увесь план коштує 48,6 мільйона гривень. Найдорожча ділянка – підземний переїзд під залізницею на "
            "маршруті 4: 13,8 мільйона.",
            BODY,
        ),
        Drawing(INNER, 150, _budget, marks, "budget"),
        Paragraph("Рисунок 2. Звідки візьмуть гроші, млн грн.", NOTE),
        Paragraph("Хто відповідає", H1),
        grid(
            [
                ["Завдання", "Відповідальний", "Строк"],
                ["Проєктна документація маршрутів 2 і 3", "Управління доріг", "січень 2025"],
                ["Стійки біля шкіл і поліклінік", "Відділ освіти", "серпень 2025"],
                ["Велопарковка на вокзалі", "КП «Зеленодартранс»", "жовтень 2025"],
                ["Підземний переїзд під залізницею", "Управління доріг, залізниця", "квітень 2026"],
                ["Щорічний звіт про виконання плану", "Заступниця голови Оксана Вербицька", "щогрудня"],
            ],
            (205, 190, 80), "Sans", size=8.4, head=FOREST, numbers_from=9, pad=6,
        ),
        Spacer(1, 10),
        Paragraph("Як долучитися", H1),
        Paragraph(
            "Громадське обговорення триває до 15 лютого 2025 року. Зауваження можна залишити в бібліотеці на вулиці "
            "Гончарній або надіслати поштою до міської ради. Перша спільна проїздка майбутнім Заводським маршрутом – у "
            "неділю, 19 січня, о 12:00 від залізничного вокзалу. Беріть теплі рукавиці: чай буде, гірка теж.",
            BODY,
        ),
    ]  # fmt: skip


def build(path: Path, marks: Marks) -> None:
    """Write three pages in Ukrainian."""
    body = Frame(60, 50, INNER, HIGH - 115, leftPadding=0, rightPadding=0, topPadding=0, bottomPadding=0)
    file = document(path, A4, [PageTemplate("page", [body], onPage=_page)], "План розвитку велосипедної мережі",
                    "Міська рада Зеленодара")  # fmt: skip
    file.build(_story(marks))


ASKS = (
    Ask("Яка частка мешканців Зеленодара готова пересісти на велосипед, якщо будуть захищені доріжки?",
        "61 відсоток", 1, "text", "61 відсоток", lang="uk"),
    Ask("Скільки лип пересадять заради Лісового маршруту?", "Одинадцять", 1, "text", "одинадцять молодих лип",
        lang="uk"),
    Ask("Коли відкриють веломаршрут до Вишневого?", "У червні 2026 року", 2, "table",
        "Вишневий 7,2 км червень 2026", lang="uk"),
    Ask("Скільки велосипедистів на добу проїжджало мостом Ткачів у 2023 році?", "1370", 2, "chart", "1370",
        "riders", lang="uk"),
    Ask("Скільки грошей на велодоріжки дає фонд «Тиха вулиця»?", "9,7 млн грн", 3, "chart",
        "Грант фонду «Тиха вулиця» 9,7 млн", "budget", lang="uk"),
    Ask("What is the most expensive part of Zelenodar's cycling plan?", "The underpass below the railway on route 4, "
        "13.8 million hryvnias", 3, "text", "підземний переїзд під залізницею на маршруті 4: 13,8 мільйона"),
)  # fmt: skip
