// Judges documents: an array of [name, html] on stdin, an array of [name, rule, line, what] on stdout.
"use strict";
const { HtmlValidate, StaticConfigLoader } = require("html-validate");

const judge = new HtmlValidate(new StaticConfigLoader({
  root: true,
  extends: ["html-validate:standard", "html-validate:a11y"],
  rules: {
    // A button of a form sends it, which is what all of ours are for.
    "no-implicit-button-type": "off",
    // The menu stands twice, and a rule of CSS shows one of them: axe judges what is shown.
    "unique-landmark": "off",
  },
}));

const judged = async (documents) => {
  const found = [];
  for (const [name, html] of documents) {
    const { results } = await judge.validateString(html, `${name}.html`);
    for (const { messages } of results) {
      for (const each of messages) found.push([name, each.ruleId, each.line, each.message]);
    }
  }
  return found;
};

let text = "";
process.stdin.setEncoding("utf-8");
process.stdin.on("data", (part) => { text += part; });
process.stdin.on("end", async () => {
  process.stdout.write(JSON.stringify(await judged(JSON.parse(text))));
});
