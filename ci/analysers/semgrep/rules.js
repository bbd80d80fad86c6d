// An example of what the rule finds and of what it leaves alone; never loaded.

// ruleid: inner-html-from-value
row.innerHTML = `<b>${name}</b>`;
// ruleid: inner-html-from-value
row.insertAdjacentHTML("beforeend", name);
// ok: inner-html-from-value
row.innerHTML = "";
// ok: inner-html-from-value
row.textContent = name;
