// The set-up page: sends the form together with the secret that stands behind
// the address's "#", and shows what the server says.
const at = (id) => document.getElementById(id);
const texts = JSON.parse(document.body.dataset.said);
const secret = decodeURIComponent(location.hash.slice(1));
const form = at("form");

const say = (text, wrong) => {
  at("said").textContent = text;
  at("said").className = wrong ? "wrong" : "done";
};
const choose = () => { at("where").hidden = at("role").value !== "province"; };

at("role").addEventListener("change", choose);
choose();
// The other language keeps the secret; no server is told it on the way.
at("other").href += location.hash;
if (!secret) {
  say(texts.nolink, true);
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  at("make").disabled = true;
  try {
    const answer = await fetch("make" + location.search, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ secret, name: at("name").value, role: at("role").value, province: at("province").value }),
    });
    const told = await answer.json();
    say(told.text, !answer.ok);
    if (answer.ok) {
      form.hidden = at("intro").hidden = true;
      history.replaceState(null, "", location.pathname + location.search);
      for (const command of told.commands) {
        const line = document.createElement("code");
        line.textContent = command;
        const item = document.createElement("li");
        item.append(line);
        at("commands").append(item);
      }
      if (told.invite) {
        at("invite").href = told.invite;
        at("chosen").hidden = false;
      }
      at("next").hidden = false;
    }
  } catch {
    say(texts.unreachable, true);
  } finally {
    at("make").disabled = false;
  }
});
