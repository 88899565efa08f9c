"""Tags of pictures, on vectors whose meaning is known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from pagesight.retrieval.encoders.figure_tags import DEFAULT_LABELS, TEMPLATES, tag
from pagesight.retrieval.types import EncoderId, Vectors


class KnownEncoder:
    """Each label is an axis: a text's vector is the axis of the label that its words end or begin with."""

    def __init__(self, labels: Sequence[str], **more: float) -> None:
        self.labels, self.asked = list(labels), 0
        self.id = EncoderId("known", "1", len(self.labels), "clip")
        for name, value in more.items():
            setattr(self, name, value)

    def encode_images(self, images: Sequence[Image.Image]) -> Vectors:
        raise AssertionError("no picture is looked at again")

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        self.asked += len(texts)
        return np.array([[float(label in text) for label in self.labels] for text in texts], np.float32)

    def showing(self, *labels: str) -> Vectors:
        row = np.array([float(label in labels) for label in self.labels], np.float32)
        return (row / np.linalg.norm(row)).astype(np.float32)


def test_a_picture_gets_the_label_that_its_vector_points_to():
    encoder = KnownEncoder(DEFAULT_LABELS)
    shown = np.stack([encoder.showing(label) for label in ("map", "stamp", "chart")])
    assert tag(encoder, shown) == [("map",), ("stamp",), ("chart",)]
    assert tag(encoder, shown[:0]) == []


def test_a_picture_between_two_labels_gets_both_the_likelier_first():
    labels = ("Rechnung", "Größentabelle", "печатка", "Karte")
    encoder = KnownEncoder(labels)
    between = encoder.showing("Rechnung", "печатка")
    assert tag(encoder, between[None], labels) == [("Rechnung", "печатка")]
    leaning = (between + 0.005 * encoder.showing("печатка")).astype(np.float32)
    assert tag(encoder, leaning[None], labels) == [("печатка", "Rechnung")]  # e^0.5 = 1.6 times as likely
    leaning = (between + 0.02 * encoder.showing("печатка")).astype(np.float32)
    assert tag(encoder, leaning[None], labels) == [("печатка",)]  # 7.4 times as likely
    assert tag(encoder, leaning[None], labels, near=0.1) == [("печатка", "Rechnung")]
    assert tag(encoder, between[None], labels, most=1) == [("Rechnung",)]


def test_the_models_own_scale_says_how_near_is_near():
    labels = ("été", "hiver")
    row = KnownEncoder(labels).showing("été", "hiver") + np.array([0.02, 0], np.float32)
    assert tag(KnownEncoder(labels), row[None], labels) == [("été",)]
    assert tag(KnownEncoder(labels, logit_scale=10), row[None], labels) == [("été", "hiver")]


def test_labels_are_encoded_once_for_each_list_of_them():
    labels = ("signature", "Größe")
    encoder = KnownEncoder(labels)
    row = encoder.showing("Größe")[None]
    for _ in range(3):
        assert tag(encoder, row, labels) == [("Größe",)]
    assert encoder.asked == 2 * len(TEMPLATES)
    assert tag(encoder, row, [" Größe ", "", "Größe"]) == [("Größe",)]
    assert encoder.asked == 3 * len(TEMPLATES)
    assert tag(KnownEncoder(labels[::-1]), row, labels) == [("signature",)]  # another encoder, another meaning


def test_without_labels_no_picture_has_any():
    encoder = KnownEncoder(("é",))
    assert tag(encoder, encoder.showing("é")[None].repeat(2, 0), []) == [(), ()]
    assert tag(encoder, encoder.showing("é")[None], ["  "]) == [()]


def test_labels_may_hold_braces():
    encoder = KnownEncoder(("{größe}",))
    assert tag(encoder, encoder.showing("{größe}")[None], ["{größe}"]) == [("{größe}",)]
