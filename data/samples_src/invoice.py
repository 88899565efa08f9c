"""An invoice: line items, discounts and two rates of VAT that add up."""

from __future__ import annotations

from pathlib import Path

from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4

from .kit import GREY, INK, Ask, Marks, canvas, grid, left, place, right, style

NAME = "invoice.pdf"
PINE = HexColor("#24523b")
WIDE, HIGH = A4

# part, what, quantity, unit price, VAT in %
ITEMS = (
    ("SB-110", "Rostrum 200 x 100 cm, birch ply, folding legs", 12, 184.00, 20),
    ("SB-114", "Rostrum leg set, 60 cm", 8, 42.50, 20),
    ("SB-131", "Step unit, three treads, black", 3, 156.00, 20),
    ("DR-020", "Wool serge curtain, black, 6 x 4 m, flame proofed", 4, 318.00, 20),
    ("DR-027", "Curtain track, 6.4 m, with master carriers", 2, 271.50, 20),
    ("RG-305", "Hemp rope 18 mm, per metre", 140, 3.20, 20),
    ("RG-311", "Counterweight 12.5 kg, painted", 24, 19.75, 20),
    ("PB-001", "Stagecraft handbook, printed", 6, 24.00, 0),
    ("SV-900", "Assembly on site, two carpenters, per day", 2, 640.00, 20),
    ("SV-910", "Delivery by own van", 1, 115.00, 20),
)
DISCOUNT = 5  # % on goods and services under VAT


def _money(value: float) -> str:
    return f"{value:,.2f}"


def build(path: Path, marks: Marks) -> None:
    """Write one page of items and one of terms."""
    c = canvas(str(path), A4, "Invoice KP-2024-0871", "Kestrel & Pine Workshop Ltd")
    c.setFillColor(PINE)
    path_tree = c.beginPath()
    for row in range(3):
        base = HIGH - 62 - row * 13
        path_tree.moveTo(52 - 0, base + 24)
        path_tree.lineTo(38 - row * 3, base)
        path_tree.lineTo(66 + row * 3, base)
        path_tree.close()
    c.drawPath(path_tree, stroke=0, fill=1)
    left(c, 84, HIGH - 62, "Kestrel & Pine Workshop Ltd", "Helvetica-Bold", 17, PINE)
    left(c, 84, HIGH - 78, "Scenery, rigging and drapes for small stages", "Helvetica-Oblique", 10, GREY)
    right(c, WIDE - 45, HIGH - 62, "INVOICE", "Helvetica-Bold", 22, INK)
    for row, line in enumerate(
        ("The Sawmill, Ferny Bottom", "Thornby TB4 9QX", "VAT number GB 000 5543 12", "accounts@kestrelpine.example")
    ):
        right(c, WIDE - 45, HIGH - 84 - 12 * row, line, "Helvetica", 9, GREY)
    left(c, 45, HIGH - 140, "Billed to", "Helvetica-Bold", 9, PINE)
    for row, line in enumerate(
        ("Lumen Street Theatre", "c/o Technical department", "31 Lumen Street", "Thornby TB1 2AA")
    ):
        left(c, 45, HIGH - 155 - 13 * row, line, "Helvetica", 10.5)
    facts = (
        ("Invoice number", "KP-2024-0871"),
        ("Invoice date", "18 October 2024"),
        ("Your order", "LST/PO/4419"),
        ("Delivered", "11 October 2024"),
        ("Payment due", "17 November 2024"),
    )
    for row, (name, value) in enumerate(facts):
        left(c, 330, HIGH - 155 - 14 * row, name, "Helvetica", 9.5, GREY)
        right(c, WIDE - 45, HIGH - 155 - 14 * row, value, "Helvetica-Bold", 9.5)

    rows: list[list[object]] = [["No.", "Part", "Description", "Qty", "Unit £", "VAT", "Amount £"]]
    for number, (part, what, quantity, price, vat) in enumerate(ITEMS, 1):
        amount = _money(quantity * price)
        rows.append([str(number), part, what, str(quantity), _money(price), f"{vat}%", amount])
    table = grid(rows, (28, 48, 250, 35, 52, 36, 62), head=PINE, numbers_from=3, pad=5.5)
    _, height = table.wrap(0, 0)
    top = HIGH - 245.0
    table.drawOn(c, 42, top - height)

    taxed = sum(quantity * price for _, _, quantity, price, vat in ITEMS if vat)
    free = sum(quantity * price for _, _, quantity, price, vat in ITEMS if not vat)
    net = taxed * (100 - DISCOUNT) / 100
    totals = (
        ("Goods and services at 20% VAT", taxed),
        (f"Discount {DISCOUNT}% (frame agreement)", net - taxed),
        ("Printed matter at 0% VAT", free),
        ("Net total", net + free),
        ("VAT 20%", net * 0.2),
    )
    y = top - height - 26
    for name, value in totals:
        left(c, 320, y, name, "Helvetica", 9.5)
        right(c, WIDE - 45, y, _money(value), "Helvetica", 9.5)
        y -= 16
    y -= 8
    c.setFillColor(PINE)
    c.rect(312, y - 12, WIDE - 45 - 306, 24, stroke=0, fill=1)
    left(c, 320, y - 4, "Total to pay", "Helvetica-Bold", 11.5, HexColor("#ffffff"))
    right(c, WIDE - 45, y - 4, f"£{_money(net * 1.2 + free)}", "Helvetica-Bold", 11.5, HexColor("#ffffff"))
    note = (
        "Please pay to Thornby Mutual Bank, sort code 00-00-17, account 0045 1187, quoting the invoice number. Item "
        "6 was cut to your lengths and cannot be taken back."
    )
    place(c, note, style("Helvetica", 9.5, 13.5), 45, y + 60, 235)
    right(c, WIDE - 45, 30, "Page 1 of 2", "Helvetica", 8, GREY)
    c.showPage()

    left(c, 45, HIGH - 70, "Terms of sale", "Helvetica-Bold", 17, PINE)
    left(c, 45, HIGH - 86, "Invoice KP-2024-0871", "Helvetica", 9, GREY)
    terms = (
        ("Payment", "Within 30 days of the invoice date. 2% may be deducted when we are paid within ten days."),
        ("Late payment", "After the due date we charge 0.8% a month on the open sum, from the second reminder on."),
        ("Ownership", "Everything delivered remains ours until it has been paid for in full."),
        ("Warranty", "36 months on rostra and steps, 24 months on track and carriers, 12 months on drapes. Rope and "
         "paint wear by nature and carry none."),
        ("Flame proofing", "Certificate FP-2291 comes with each curtain. It is void after the first wash; we proof "
         "again for £38 a piece."),
        ("Returns", "Standard parts within 21 days, unused, at the buyer's cost. Parts cut to measure cannot be "
         "returned."),
        ("Load limits", "Rostra carry 750 kg spread evenly, or 300 kg on one point. Counterweights are for cradles of "
         "type K only."),
    )  # fmt: skip
    y = HIGH - 120
    for name, text in terms:
        left(c, 45, y - 11, name, "Helvetica-Bold", 10.5, PINE)
        y = place(c, text, style("Helvetica", 10.5, 15.5), 150, y, WIDE - 195) - 14
    right(c, WIDE - 45, 30, "Page 2 of 2", "Helvetica", 8, GREY)
    c.showPage()
    c.save()


ASKS = (
    Ask("What does the Lumen Street Theatre have to pay in total?", "£8,292.72", 1, "table",
        "Total to pay £8,292.72"),
    Ask("When is the Kestrel & Pine invoice due?", "17 November 2024", 1, "text", "Payment due 17 November 2024"),
    Ask("How many metres of rope were billed and at what price per metre?", "140 metres at £3.20", 1, "table",
        "Hemp rope 18 mm, per metre 140 3.20"),
    Ask("What did the carpenters' work on site cost?", "£1,280.00 for two days", 1, "table",
        "Assembly on site, two carpenters, per day 2 640.00 20% 1,280.00"),
    Ask("How long is the guarantee on stage curtains?", "12 months", 2, "text", "12 months on drapes"),
    Ask("How much weight may stand on a single point of a rostrum?", "300 kg", 2, "text", "300 kg on one point"),
)  # fmt: skip
