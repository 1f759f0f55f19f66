"""Drives the page of a running adapter-server in Chromium: page.py URL FOLDER-FOR-SCREENSHOTS"""
import sys

from playwright.sync_api import expect, sync_playwright

url, folder = sys.argv[1:3]
with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
    faults = []
    for name, options in {
        "wide": {"viewport": {"width": 1200, "height": 900}},
        "phone": {"viewport": {"width": 360, "height": 740}, "color_scheme": "dark"},
    }.items():
        page = browser.new_page(**options)
        page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto(url)
        expect(page.locator("#models li")).to_have_count(5)
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.locator("#text").fill("linux kernel from Germany, أداة صغيرة")
        page.keyboard.press("Control+Enter")
        expect(page.locator("article")).to_have_count(4)
        expect(page.locator("article mark").first).to_be_visible()
        page.screenshot(path=f"{folder}/{name}-active.png", full_page=True)
        page.locator("#models input[value=debian-section]").check()
        page.locator("#models input[value=wordnet-domain]").check()
        page.locator("#go").click()
        expect(page.locator("article")).to_have_count(2)
        expect(page.locator(".bars .best").first).to_be_visible()
        page.screenshot(path=f"{folder}/{name}-compared.png", full_page=True)
        page.locator("#setup").fill("deberta-v3-tiny-en")
        page.locator("#text").fill("a small [MASK] of words <b>not bold</b>")
        page.locator("#go").click()
        expect(page.locator("article h4").first).to_have_text("[MASK] 1")
        page.locator("#setup").fill("Stack(nobody)")
        page.locator("#go").click()
        expect(page.locator("#error")).to_contain_text("nobody")
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= options["viewport"]["width"], f"{name}: the page is {width} pixels wide"
    browser.close()
    # A refused request is a console error of the browser itself.
    faults = [fault for fault in faults if "404" not in fault]
    assert not faults, faults
print("agrees: the page")
