"""More sessions than states: names and states drawn by a seed, so that each start shows the same ones. Pure."""

import random
from dataclasses import replace

from desktop_app.demo.script import scenes
from desktop_app.demo.script.scenes import EVERY_STATE, Dial, Scene
from desktop_app.domain.sessions.snapshot import End, Remote

SEED = 11
MOST = 1000

# Names that lists, tray menus and dialogs have to bear.
HARD_NAMES = (
    "A name of two hundred characters, as scripts make them: " + "-".join(f"lr{n:04d}" for n in range(24)),
    "תמונות של המעבדה – ניסוי 12",
    "تجربة التدريب على الصور الطبية",
    "蛋白质折叠实验 第三次",
    "画像セグメンテーションの微調整",
    "단백질 접힘 실험",
    "Größe & <b>Ümläute</b> “in Anführungszeichen”",
    "дом-2 / обучение модели",
    "🚀 launch 👩‍🔬 day",
    "no_spaces_at_all_in_a_name_that_goes_on_and_on_and_on_until_the_row_is_full_and_then_some_more",
)
_WHAT = ("Train", "Evaluate", "Debug", "Explore", "Label", "Profile", "Fine-tune", "Export")
_WHICH = ("ResNet", "survey data", "tokeniser", "segmentation", "speech model", "baselines", "embeddings", "reports")

_KINDS: tuple[tuple[int, Scene], ...] = (
    (12, Scene("", report=scenes.READY, dial=Dial.UP)),
    (8, Scene("", report=scenes.READY)),
    (6, Scene("", Remote.QUEUED, facts={"queue": scenes.BUSY})),
    (4, Scene("", Remote.STARTING, scenes.STARTING_APPS)),
    (3, Scene("", Remote.STARTING, scenes.PREPARING)),
    (3, Scene("", report=scenes.READY, dial=Dial.LOST)),
    (2, Scene("", report=scenes.HALF_FAILED, dial=Dial.UP)),
    (2, Scene("", Remote.QUEUED, facts={"queue": scenes.UNSERVED})),
    (1, Scene("", Remote.ENDED, facts={"end": End.SHUT_DOWN})),
)


def cast(count: int) -> tuple[Scene, ...]:
    """Return that many sessions: every state once, then a mixture that is the same at every start."""
    count = max(0, min(count, MOST))
    draw = random.Random(SEED)  # noqa: S311  nothing here is secret
    made = list(EVERY_STATE[:count])
    weights, kinds = zip(*_KINDS, strict=True)
    while len(made) < count:
        number = len(made) - len(EVERY_STATE)
        name = HARD_NAMES[number] if number < len(HARD_NAMES) else _name(draw, number)
        kind = draw.choices(kinds, weights)[0]
        account = scenes.SANDBOX if draw.random() < 0.1 else scenes.TEAM
        made.append(replace(kind, name=name, account=account))
    return tuple(made)


def _name(draw: random.Random, number: int) -> str:
    return f"{draw.choice(_WHAT)} {draw.choice(_WHICH)} {number}"
