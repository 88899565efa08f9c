"""Questions that nothing in the samples answers: the right reply is that the documents do not say."""

from __future__ import annotations

QUESTIONS = (
    ("What revenue did Tarnwick Ferries report for 2022?", "en"),
    ("How much was the chief executive of Tarnwick Ferries paid in 2024?", "en"),
    ("How long does the crossing from Tarnwick to Ostrey take?", "en"),
    ("Which bank granted the green loan for the Sandpiper?", "en"),
    ("How many members does the Fennimore Food Co-op have?", "en"),
    ("What did the Lower Welby Water Board reply to the residents' letter of 9 December?", "en"),
    ("Who at the Lumen Street Theatre signed for the delivery from Kestrel & Pine?", "en"),
    ("How many pairs of swifts nested in Port Ellery in 2015?", "en"),
    ("What is the price of the VT40-100-A-E pressure transmitter?", "en"),
    ("Which contractor will bolt the splice plate on Heron Bridge?", "en"),
    ("What is the telephone number of the Gasket Lane Repair Circle?", "en"),
    ("Скільки коштує година прокату велосипеда в Зеленодарі?", "uk"),
    ("새벽들마을 에너지협동조합 이사장의 이름은 무엇인가요?", "ko"),
    ("מה הקוד של השער בגן רימון?", "he"),
)
