"""An answer's Markdown becomes HTML that can't harm its reader."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.markdown import plain, safe
from connectors.web.dialect import read, write
from tests.unit.markdown.grammar import Grammar

HOSTILE = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "<svg><script href=data:text/javascript,alert(1)></svg>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<!-- --><script>alert(1)</script><!-- -->",
    "<!--><img src=x onerror=alert(1)>-->",
    "<math><mtext><table><mglyph><style><!--</style><img title='--><img src onerror=alert(1)>'>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<a href=javascript:alert(1)>x</a>",
    "<style>body{display:none}</style>",
    "<base href=//evil.example>",
    "<form action=//evil.example><input name=password></form>",
    "<meta http-equiv=refresh content='0;url=//evil.example'>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](java\tscript:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](javascript&colon;alert(1))",
    "[x](vbscript:msgbox(1))",
    "[x](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)",
    "[x](data:image/svg+xml;base64,PHN2Zy8+)",
    "[x](file:///etc/passwd)",
    "[x](//evil.example)",
    "[x](/logout)",
    "[x](#conversation)",
    "[x][r]\n\n[r]: javascript:alert(1)",
    '[x](http://a.example "\\" onmouseover=alert(1) \\"")',
    '[x](http://a.example/"onmouseover=alert(1))',
    "<javascript:alert(1)>",
    '<http://a.example/?"onmouseover=alert(1)>',
    "![x](http://a.example/pixel.png)",
    "![x](javascript:alert(1))",
    '!["onerror=alert(1) <script>alert(1)</script>](http://a.example/"onerror=alert(1).png)',
    "[![x](http://a.example/1.png)](javascript:alert(1))",
    '```"><script>alert(1)</script>\nx\n```',
    "```x onload=alert(1)\n<script>alert(1)</script>\n```",
    "`<script>alert(1)</script>`",
    "| <script> | b |\n|:-|-:|\n| <img src=x onerror=alert(1)> | [x](javascript:alert(1)) |",
    "# <script>alert(1)</script>",
    "> <script>\n> alert(1)\n> </script>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "\\<script>alert(1)\\</script>",
    r"\(\text{<script>alert(1)</script>}\)",
    r"$\href{javascript:alert(1)}{x}$ $\class{x}{y}$ $\style{x}{y}$ $\url{javascript:alert(1)}$",
    r"\[\color{red}x\mathrm{<img src=x onerror=alert(1)>}\]",
    "$</annotation></semantics></math><script>alert(1)</script>$",
    r"$\def\a{\a\a}\a$ $\newcommand{\b}{\b}\b$",
    "$" + "{" * 5_000 + "$",
    r"\(" + r"\sqrt{" * 5_000 + r"\)",
    "[" * 500 + "](" * 500,
    "<" * 500,
)
TAGS = {
    *("p", "br", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "ul", "ol", "li"),
    *("strong", "em", "s", "a", "code", "pre", "table", "thead", "tbody", "tr", "th", "td"),
    *("math", "semantics", "annotation", "mrow", "mi", "mn", "mo", "mtext", "mspace", "mfrac"),
    *("msqrt", "mroot", "msub", "msup", "msubsup", "mtable", "mtr", "mtd", "mstyle", "span"),
}
ATTRIBUTES = {
    "href": re.compile(r"(https?:|mailto:)"),
    "title": re.compile(r""),
    "rel": re.compile(r"noopener noreferrer nofollow\Z"),
    "target": re.compile(r"_blank\Z"),
    "class": re.compile(
        r"(language-[\w+#.-]+|left|right|center|on|task|written|round|[a-z][a-z0-9]{0,2})\Z"
    ),
    "start": re.compile(r"\d+\Z"),
    "value": re.compile(r"\d+\Z"),
    "encoding": re.compile(r"application/x-tex\Z"),
    **dict.fromkeys(
        ("lspace", "rspace", "stretchy", "display", "mathvariant", "displaystyle", "scriptlevel"),
        re.compile(r"[-\w.]+\Z"),
    ),
}


class Inspector(HTMLParser):
    """Reads HTML as a browser would, and accepts the harmless only."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in TAGS
        for name, value in attrs:
            assert ATTRIBUTES[name].match(value or ""), (name, value)
        if tag == "a":
            assert dict(attrs)["rel"] == "noopener noreferrer nofollow"

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")

    def handle_decl(self, decl: str) -> None:
        raise AssertionError(f"a declaration: {decl}")


def inspect(html: str) -> None:
    """Fails where the HTML holds anything that is not on the list."""
    Inspector().feed(html)


@pytest.mark.parametrize("markdown", HOSTILE)
def test_hostile_markdown_becomes_harmless(markdown: str) -> None:
    """No tag, attribute or address comes through that is not on the list."""
    inspect(write(markdown))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(HOSTILE), min_size=2, max_size=3), st.sampled_from("\n \t>*|`["))
def test_hostile_markdown_nested_in_more_becomes_harmless(pieces: list[str], glue: str) -> None:
    """Pieces side by side open no hole that none of them has."""
    inspect(write(glue.join(pieces)))


@settings(max_examples=60, deadline=None)
@given(
    st.text(alphabet=st.sampled_from("<>\"'=/![]()`*_~|-: \nascriptonx&#;\0\u202e"), max_size=60)
)
def test_whatever_is_written_becomes_harmless(markdown: str) -> None:
    """Any row of the characters that mean something in Markdown or HTML."""
    inspect(write(markdown))


def test_the_inspector_sees_what_is_harmful() -> None:
    """The tests above can fail."""
    for html in ("<img src=x>", "<a href='javascript:1' rel=x>", "<p onclick=x>", "<!-- x -->"):
        with pytest.raises((AssertionError, KeyError)):
            inspect(html)


@pytest.mark.parametrize(
    ("markdown", "html"),
    [
        ("**a** *b* ~~c~~ `d`", "<strong>a</strong> <em>b</em> <s>c</s> <code>d</code>"),
        ("one\ntwo", "one<br>\ntwo"),
        ("3. c\n4. d", '<ol start="3">'),
        ("```nothing\nx = 1\n```", '<pre><code class="language-nothing">x = 1\n</code></pre>'),
        ("```python\nx = 1\n```", '<span class="n">x</span> <span class="o">=</span>'),
        ("```c++\n1\n```", '<code class="language-c++">'),
        ("| a |\n|--:|\n| 1 |", '<td class="right">1</td>'),
        ("| a |\n|---|\n| 1 |", "<td>1</td>"),
        ("# t", "<h1>t</h1>"),
        ("> q", "<blockquote>\n<p>q</p>"),
        ("a < b & c", "a &lt; b &amp; c"),
        ("a <b>c</b> <!-- d -->", "a &lt;b&gt;c&lt;/b&gt; &lt;!-- d --&gt;"),
        (
            "[x](https://a.example/?b=1&c=2)",
            '<a href="https://a.example/?b=1&amp;c=2" target="_blank" '
            'rel="noopener noreferrer nofollow">x</a>',
        ),
        ("[x](mailto:a@b.example)", 'href="mailto:a@b.example"'),
        ("[x](docs/a.md) [y](javascript:z)", "x (docs/a.md) y (javascript:z)"),
        ("[x](<http://a b>)", "x (http://a b)"),
        ("Sources:\n[1]: https://a.example/first", '[1]: <a href="https://a.example/first"'),
        (r"\(x\)", '<annotation encoding="application/x-tex">\\(x\\)</annotation>'),
        (r"$\nothing_1*2*$", r"$\nothing_1*2*$"),
        ("2*3*4 and __init__", "2*3*4 and __init__"),
        ("3. a\n5. b\n9. c", '<li value="9">'),
        ("1) a\n\n007. b", '<ol class="round">'),
        ("1) a\n\n007. b", "<p>007. b</p>"),
        ("- [x] a", "<p>☑ a</p>"),
    ],
)
def test_markdown_is_rendered(markdown: str, html: str) -> None:
    """What an answer is made of looks as it should."""
    assert html in write(markdown)


def test_an_image_becomes_a_link_to_it() -> None:
    """Nothing is loaded unless the reader asks for it."""
    html = write("![A *cat* & co](https://a.example/cat.png)")
    assert 'href="https://a.example/cat.png"' in html
    assert ">A <em>cat</em> &amp; co</a>" in html
    assert ">https://a.example/cat.png</a>" in write("![](https://a.example/cat.png)")


def test_characters_that_reorder_the_page_are_made_visible() -> None:
    """Overrides, embeddings and isolates; right-to-left writing itself is left alone."""
    assert safe("a\u202eb\u2066c\u2069d\u202a") == "a\ufffdb\ufffdc\ufffdd\ufffd"
    assert "\u202e" not in write("`x\u202ey` \u202e")
    assert safe("שלום עליכם") == "שלום עליכם"


@pytest.mark.parametrize("text", HOSTILE)
def test_what_is_hostile_is_read_as_it_was_written(text: str) -> None:
    """Harmless, and all of it there."""
    drawn = read(write(text))
    assert (list(drawn.lines), drawn.unknown) == (plain(text), ())


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**32))
def test_the_page_draws_the_normal_form(seed: int) -> None:
    text, lines = Grammar(Random(seed)).text()  # noqa: S311 - no secret
    drawn = read(write(text))
    assert (list(drawn.lines), drawn.unknown) == (lines, ())


def test_an_element_that_nobody_knows_is_named() -> None:
    assert read("<p>One <video>two</video></p>").unknown == ("video",)
