"""Texts that people paste at three in the morning."""

ODD = (
    "quotes \" ' ` and \\ backslashes \\n \\u0041",
    "lines\nof\r\ntext\twith a tab",
    "emoji 🔥👩‍🚒 and ünïcödé 漢字 \u202eright to left",
    "<script>alert('x')</script> <b>&amp;</b> ]]> {{ steps.a.output }} ${HOME} $(id)",
    "null",
    "x" * 3_999 + "é",
)
