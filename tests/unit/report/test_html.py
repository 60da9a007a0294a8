"""What a notebook shows."""

from dataclasses import replace
from html.parser import HTMLParser


class Outline(HTMLParser):
    """Collects tags, attributes and texts, and checks that tags are balanced."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.attributes, self.words = [], [], [], []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def test_a_report_is_one_table_with_the_sentence_as_caption(report):
    """The status word stands beside the sign; the four counts are the caption."""
    html = Outline(report._repr_html_())
    assert html.tags.count("table") == 1
    assert "✓ succeeded" in html.words
    caption = html.words[0]
    assert caption.endswith("49,630 reported = downloaded = staged = loaded.")
    assert "details" not in html.tags


def test_a_failure_is_open_to_see(partial):
    """Each cause stands once, unfolded; it is called a failure in words."""
    html = Outline(partial._repr_html_())
    assert ("open", None) in html.attributes
    assert "✗ failed" in html.words
    assert any("quieter hour" in w for w in html.words)


def test_foreign_text_is_text(plan):
    """Nothing that an org holds becomes markup, script or a request."""
    nasty = '<script src="//x">&"\x1b[31m'
    objects = tuple(replace(o, why=nasty, sobject=nasty) for o in plan.objects)
    text = replace(plan, objects=objects)._repr_html_()
    html = Outline(text)
    assert "script" not in html.tags
    assert {name for name, _ in html.attributes} <= {"style", "open"}
    assert "http" not in str(html.attributes)


def test_a_long_table_ends_in_a_count(report, partial):
    """A thousand objects, or a thousand errors, stay under 20 KB in the notebook."""
    objects = (report.objects * 400)[:1000]
    text = replace(report, objects=objects)._repr_html_()
    assert len(text.encode()) < 20_000
    shown = Outline(text)
    assert f"and {1000 - shown.tags.count('tr') + 1} more objects" in shown.words
    failed = replace(partial, objects=(partial.objects[1],) * 1000)._repr_html_()
    assert len(failed.encode()) < 20_000


def test_a_plan_shows_what_it_will_do(plan):
    """A plan is a table too, with place and summary as its caption."""
    html = Outline(plan._repr_html_())
    assert html.words[0].endswith(
        "1 unchanged. 44 API calls (2 for all objects) of 98,940 left today."
    )
    assert "! rebuild" in html.words
