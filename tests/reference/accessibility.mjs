// Opens pages of `clip-rs report` in headless Chromium at 400, 1,280 and 1,600 pixels, light and dark, with every fold
// open, and checks each with axe-core. Ends with 1 where there is a serious or critical finding, where the page scrolls
// sideways, or where it asks for anything but itself.
//
//   node tests/reference/accessibility.mjs report.html [other.html ...] [--shots FOLDER]
//
// Needs node, npm and Chromium (CHROMIUM, else /usr/bin/chromium). The two libraries are installed into a temporary
// folder, in the versions below; nothing of them is part of the project. `--shots` keeps a picture of each.

import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const LIBRARIES = ["axe-core@4.14.1", "puppeteer-core@24.43.1"];
const WIDTHS = [400, 1280, 1600];
const SCHEMES = ["light", "dark"];
const GRAVE = ["serious", "critical"];

const pages = [];
let shots = null;
for (let words = process.argv.slice(2); words.length > 0; ) {
  const word = words.shift();
  if (word === "--shots") shots = words.shift();
  else pages.push(word);
}
if (pages.length === 0) {
  console.error("usage: node accessibility.mjs report.html [other.html ...] [--shots FOLDER]");
  process.exit(2);
}

const folder = mkdtempSync(join(tmpdir(), "accessibility-"));
let grave = 0;
try {
  execFileSync("npm", ["install", "--silent", "--no-audit", "--no-fund", "--prefix", folder, ...LIBRARIES]);
  const load = createRequire(join(folder, "package.json"));
  const axe = readFileSync(load.resolve("axe-core/axe.min.js"), "utf8");
  const browser = await load("puppeteer-core").launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--hide-scrollbars"],
  });
  for (const path of pages) {
    for (const scheme of SCHEMES) {
      for (const width of WIDTHS) grave += await check(browser, axe, path, width, scheme);
    }
  }
  await browser.close();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
console.log(grave === 0 ? "no serious finding" : `${grave} serious findings`);
process.exit(grave === 0 ? 0 : 1);

/** Number of grave findings of a page at a width, in a colour scheme. */
async function check(browser, axe, path, width, scheme) {
  const page = await browser.newPage();
  await page.setViewport({ width, height: 900 });
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
  const asked = [];
  page.on("request", (request) => asked.push(request.url()));
  const url = pathToFileURL(resolve(path)).href;
  await page.goto(url);
  await page.evaluate(() => document.querySelectorAll("details").forEach((fold) => (fold.open = true)));
  await page.evaluate(axe);
  const found = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);

  const said = found.violations.map((rule) => {
    const nodes = rule.nodes.slice(0, 5).map((node) => `    ${node.target.join(" ")}: ${node.any[0]?.message ?? rule.help}`);
    return { grave: GRAVE.includes(rule.impact), text: [`  ${rule.impact} ${rule.id} (${rule.nodes.length}): ${rule.help}`, ...nodes].join("\n") };
  });
  if (wide > 0) said.push({ grave: true, text: `  scrolls sideways by ${wide} pixels` });
  const foreign = asked.filter((other) => other !== url && !other.startsWith("data:"));
  if (foreign.length > 0) said.push({ grave: true, text: `  asks for ${foreign.join(", ")}` });
  console.log(`${path} at ${width}, ${scheme}: ${said.length} findings, ${said.filter((one) => one.grave).length} serious`);
  said.forEach((one) => console.log(one.text));
  if (shots !== null) {
    mkdirSync(shots, { recursive: true });
    await page.screenshot({ path: join(shots, `${basename(path, ".html")}-${width}-${scheme}.png`), fullPage: true });
  }
  await page.close();
  return said.filter((one) => one.grave).length;
}
