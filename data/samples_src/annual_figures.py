"""The annual report's figures: three statements that add up, and the tables of the notes (€ million)."""

from __future__ import annotations

HEAD = ["€ million", "Note", "2024", "2023"]

INCOME = [
    HEAD,
    ["Passenger tickets", "2", "186.4", "171.9"],
    ["Freight", "2", "142.7", "138.2"],
    ["On-board sales", "2", "51.3", "46.8"],
    ["Charter and other", "", "12.6", "14.1"],
    ["Total revenue", "", "393.0", "371.0"],
    ["Fuel and shore power", "3", "(88.9)", "(96.4)"],
    ["Crew and staff", "4", "(112.5)", "(105.7)"],
    ["Port dues", "", "(47.6)", "(45.1)"],
    ["Maintenance and dry-docking", "", "(38.4)", "(35.9)"],
    ["Depreciation and amortisation", "5", "(41.2)", "(39.8)"],
    ["Administration", "", "(19.7)", "(18.9)"],
    ["Operating profit", "", "44.7", "29.2"],
    ["Finance income", "", "1.9", "1.1"],
    ["Finance costs", "6", "(11.4)", "(12.6)"],
    ["Profit before tax", "", "35.2", "17.7"],
    ["Tax", "", "(7.4)", "(3.9)"],
    ["Profit for the year", "", "27.8", "13.8"],
    ["Earnings per share (cents)", "7", "46.3", "23.0"],
    ["Dividend per share (cents)", "7", "15.0", "9.0"],
]
INCOME_TOTALS = (5, 12, 15, 17)

BALANCE = [
    HEAD,
    ["Vessels", "5", "512.6", "498.3"],
    ["Port installations", "5", "74.8", "71.2"],
    ["Intangible assets", "5", "18.9", "20.4"],
    ["Non-current assets", "", "606.3", "589.9"],
    ["Inventories", "", "9.7", "10.3"],
    ["Trade receivables", "", "41.6", "39.5"],
    ["Cash at bank", "", "58.2", "43.1"],
    ["Current assets", "", "109.5", "92.9"],
    ["Total assets", "", "715.8", "682.8"],
    ["Share capital", "7", "60.0", "60.0"],
    ["Share premium", "", "88.5", "88.5"],
    ["Retained earnings", "", "205.8", "183.4"],
    ["Hedging reserve", "3", "3.1", "(1.2)"],
    ["Total equity", "", "357.4", "330.7"],
    ["Borrowings due after one year", "6", "229.4", "231.6"],
    ["Deferred tax", "", "27.3", "25.8"],
    ["Pension obligations", "4", "14.2", "16.0"],
    ["Borrowings due within one year", "6", "24.0", "22.5"],
    ["Trade payables", "", "46.9", "41.7"],
    ["Tickets sold in advance", "", "16.6", "14.5"],
    ["Total liabilities", "", "358.4", "352.1"],
    ["Total equity and liabilities", "", "715.8", "682.8"],
]
BALANCE_TOTALS = (4, 8, 9, 14, 21, 22)

CASH = [
    HEAD,
    ["Profit before tax", "", "35.2", "17.7"],
    ["Depreciation and amortisation", "5", "41.2", "39.8"],
    ["Net finance costs", "6", "9.5", "11.5"],
    ["Change in working capital", "", "5.8", "(2.7)"],
    ["Settlement of fuel hedges", "3", "4.3", "(1.2)"],
    ["Pension payments above cost", "4", "(1.8)", "(1.5)"],
    ["Interest paid", "6", "(11.4)", "(12.6)"],
    ["Tax paid", "", "(5.9)", "(4.2)"],
    ["Net cash from operations", "", "76.9", "46.8"],
    ["Purchase of vessels", "5", "(51.2)", "(24.6)"],
    ["Purchase of port equipment", "5", "(7.9)", "(6.1)"],
    ["Sale of the Gannet", "5", "1.5", "–"],
    ["Interest received", "", "1.9", "1.1"],
    ["Net cash used in investing", "", "(55.7)", "(29.6)"],
    ["Dividends paid", "7", "(5.4)", "(3.6)"],
    ["New borrowings", "6", "24.0", "15.0"],
    ["Repayment of borrowings", "6", "(24.7)", "(21.9)"],
    ["Net cash used in financing", "", "(6.1)", "(10.5)"],
    ["Change in cash", "", "15.1", "6.7"],
    ["Cash at the start of the year", "", "43.1", "36.4"],
    ["Cash at the end of the year", "", "58.2", "43.1"],
]
CASH_TOTALS = (9, 14, 18, 19, 21)

FLEET = [
    ["Vessel", "Built", "Passengers", "Lane metres", "Propulsion", "Route"],
    ["Tern", "2021", "1,150", "1,480", "Diesel-electric", "Tarnwick – Ostrey"],
    ["Curlew", "2017", "980", "1,320", "Diesel", "Tarnwick – Ostrey"],
    ["Plover", "2012", "640", "860", "Diesel", "Marrow Sound"],
    ["Sandpiper", "2024", "420", "310", "Battery", "Marrow Sound"],
    ["Dunlin", "2009", "560", "1,040", "Diesel", "Veld Islands"],
    ["Turnstone", "2015", "90", "2,150", "Diesel, scrubber", "Freight, north"],
]

BORROWINGS = [
    ["Loan", "Rate", "Falls due", "2024", "2023"],
    ["Vessel loan A (Tern)", "4.10% fixed", "June 2033", "118.0", "128.5"],
    ["Vessel loan B (Curlew)", "3.65% fixed", "March 2029", "61.4", "73.6"],
    ["Green loan (Sandpiper)", "3.20% fixed", "October 2036", "39.0", "15.0"],
    ["Revolving credit", "variable", "May 2027", "35.0", "37.0"],
    ["Total borrowings", "", "", "253.4", "254.1"],
]

RISKS = [
    ["Risk", "What could happen", "What we do"],
    [
        "Fuel price",
        "A rise of 10% in marine gas oil costs about €8.4 million a year before hedges.",
        "60% of the coming year's fuel is hedged by the end of each November.",
    ],
    [
        "Loss of a vessel in season",
        "A month without the Tern in summer costs about 90,000 passages.",
        "Charter option on a sister ship, callable within 12 days.",
    ],
    [
        "Failure of ticketing",
        "The booking system carries 83% of passenger sales.",
        "Second site since 2023; paper drill at every terminal twice a year.",
    ],
    [
        "Carbon price",
        "Each €10 a tonne adds €1.4 million to the cost of a year.",
        "Battery vessel in service; shore power at three of five ports.",
    ],
    [
        "Interest rate",
        "A point more on the revolving credit costs €0.35 million.",
        "86% of borrowings stand at fixed rates.",
    ],
]
