"""How long a person looks at the search page before there is something on it.

    python benchmarks/ui.py [--pages 2000] [--questions 50] [--json FILE]

A library is made of the samples' pages under many names: they are read and encoded once, and what the library stores
of a document is written again for each copy, so that search has 2,000 pages to look through. The page is served as
`pagesight ui` serves it and driven by Chromium: a question is typed, and the clock runs from Enter to the first card
on the screen, and to the last page picture of the first screen that is sharp. Answers are off; they come after.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from copies import DATA, build, machine

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from browser_server import CHROMIUM, NO_BROWSER, serve  # pyright: ignore[reportMissingImports]

MEASURE = """
() => new Promise((done) => {
  const shadows = () => [...document.querySelectorAll('*')].map((e) => e.shadowRoot);
  const root = () => shadows().find((r) => r && r.querySelector('article'));
  const before = root() && root().querySelector('article');
  const start = performance.now();
  let first = null;
  const look = () => {
    const shadow = root();
    const article = shadow && shadow.querySelector('article');
    if (article && article !== before && first === null) first = performance.now() - start;
    if (first !== null) {
      const pages = [...shadow.querySelectorAll('.page')];
      const sharp = pages.length && pages.every((p) => p.classList.contains('loaded'));
      if (sharp) return done([first, performance.now() - start]);
    }
    if (performance.now() - start > 20000) return done([first, null]);
    requestAnimationFrame(look);
  };
  look();
})
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description="How long a person looks at the search page before there is something on it."
    )
    parser.add_argument("--pages", type=int, default=2000)
    parser.add_argument("--questions", type=int, default=50)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    if CHROMIUM is None:
        parser.error(NO_BROWSER)
    if asked.questions < 2:
        parser.error("Two questions at least: fewer have no percentiles.")
    questions = [json.loads(line)["question"] for line in (DATA / "questions.jsonl").read_text().splitlines()]
    report: dict[str, Any] = {"machine": machine(), "load_before": round(os.getloadavg()[0], 1)}
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "library"
        report["pages"] = build(library, asked.pages)
        # One more: the first one is asked while the encoder is loaded, as it would be for whoever opens the page.
        times = list(measure(library, questions[: asked.questions + 1]))
    report |= {"questions": len(times), "load_after": round(os.getloadavg()[0], 1)}
    print(f"{report['machine']}; load {report['load_before']} before, {report['load_after']} after")
    print(f"{report['pages']} pages, {report['questions']} questions")
    for i, name in enumerate(("first result", "last picture sharp")):
        values = [one[i] for one in times]
        p95 = statistics.quantiles(values, n=20, method="inclusive")[18]
        report[name] = {"p50_ms": round(statistics.median(values)), "p95_ms": round(p95), "most_ms": round(max(values))}
        print(f"{name:20} p50 {statistics.median(values):6.0f} ms   p95 {p95:6.0f} ms   most {max(values):6.0f} ms")
    if asked.json:
        asked.json.write_text(json.dumps(report, indent=2) + "\n")


def measure(library: Path, questions: list[str]) -> Iterator[tuple[float, float]]:
    """Milliseconds to the first result and to the last sharp picture, for each question but the first."""
    from playwright.sync_api import sync_playwright

    with serve(library, library.parent / "log.txt") as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1200, "height": 900})
        page.set_default_timeout(120_000)
        page.goto(f"{address}/?answer=off")
        box = page.get_by_role("textbox", name="Question")
        box.wait_for()
        for number, question in enumerate(questions):
            box.fill(question)
            if number == 0:
                box.press("Enter")
                page.locator(".page.loaded").first.wait_for()
                time.sleep(2)
                continue
            page.evaluate(f"void (window.measured = ({MEASURE})())")
            box.press("Enter")
            first, sharp = page.evaluate("window.measured")
            if sharp is None:
                sys.exit(f"Nothing was on the screen 20 s after the question: {question}")
            print(f"{number} of {len(questions) - 1}: {first:.0f} and {sharp:.0f} ms", file=sys.stderr)
            yield first, sharp
            time.sleep(0.5)
        browser.close()


if __name__ == "__main__":
    main()
