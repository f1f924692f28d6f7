from __future__ import annotations

import json
import shutil
import subprocess

import pytest

from autointerp.errors import AutointerpError
from autointerp.view import bundle

MODULES = {
    "app.js": "import {twice as double, one} from './a.js';\nimport {say} from './b.js';\nconst hidden = 1;\n"
    "say(double(one) + hidden);\n",
    "a.js": "import {\n  three,\n} from './c.js';\nexport const one = 1;\nconst hidden = 10;\n"
    "export function twice(x) { return 2 * x * three + hidden; }\n",
    "b.js": "import {three} from './c.js';\nexport async function later() {}\nexport class Say {}\n"
    "export function say(x) { console.log(JSON.stringify([x, three])); }\n",
    "c.js": "export let three = 3;\n",
}


def test_modules_become_one_script_in_the_order_of_their_needs() -> None:
    script = bundle("app.js", MODULES.__getitem__)
    order = [script.index(f"const module_{name} =") for name in ("c", "a", "app")]
    assert order == sorted(order)
    assert script.count("const module_") == 4
    assert "const {twice: double, one} = module_a;" in script
    assert "return {later, Say, say};" in script
    assert "\nimport" not in script
    assert "\nexport" not in script


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node; tests/browser runs the bundle in Chromium")
def test_the_script_does_what_the_modules_do() -> None:
    script = bundle("app.js", MODULES.__getitem__)
    ended = subprocess.run(["node", "--input-type=module"], input=script, capture_output=True, text=True, check=True)
    assert json.loads(ended.stdout) == [2 * 1 * 3 + 10 + 1, 3]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("export default 1;", "export default 1;"),
        ("import './side_effect.js';", "import './side_effect.js';"),
        ("import * as all from './c.js';", "import * as all"),
        ("export {a};", "export {a};"),
        ("const text = '</script>';", "</script"),
        ("// <!-- old", "<!--"),
    ],
)
def test_what_it_does_not_understand_is_refused(text: str, why: str) -> None:
    with pytest.raises(AutointerpError, match=r"app\.js: can't be put into one file") as error:
        bundle("app.js", {**MODULES, "app.js": text}.__getitem__)
    assert why in str(error.value)


def test_circles_are_refused() -> None:
    modules = {"app.js": "import {b} from './b.js';", "b.js": "import {a} from './app.js';\nexport const b = 1;"}
    with pytest.raises(AutointerpError, match="in a circle"):
        bundle("app.js", modules.__getitem__)
