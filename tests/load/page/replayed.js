// Visitors without a screen: what a browser sent for a drawing is sent again over sockets of their own.
//
// Contract: called with the frames of a recording; answers with the waits of each visitor.
// Each draws, waits for its answer, clears, and pauses as a person does. A socket that closes
// or an answer that does not come within the deadline ends the run with an error.
// Does not know what a frame means beyond the text of an answer in it.

async ({ stream, hello, drawings, cleared, visitors, rounds, pause, deadline }) => {
  const latin = new TextDecoder("latin1");
  const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const sleep = (seconds) => new Promise((resolve) => setTimeout(resolve, 1000 * seconds));
  const fact = (text, name) => Number(text.match(new RegExp(`data-${name}="([^"]+)"`))[1]);

  const opened = () => {
    const socket = new WebSocket(stream, ["streamlit"]);
    socket.binaryType = "arraybuffer";
    const visitor = { socket, expected: "", resolve: null, reject: null };
    const fail = (what) => visitor.reject?.(new Error(what));
    socket.onclose = ({ code }) => fail(`the page closed a socket (${code})`);
    socket.onmessage = ({ data }) => {
      const text = latin.decode(data);
      if (visitor.expected && text.includes(visitor.expected)) visitor.resolve(text);
    };
    return new Promise((resolve, reject) => {
      visitor.reject = reject;
      socket.onopen = () => resolve(visitor);
    });
  };

  const asked = (visitor, frame, expected) =>
    new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`no ${expected} within ${deadline} ms`)), deadline);
      visitor.expected = expected;
      visitor.reject = reject;
      visitor.resolve = (text) => {
        clearTimeout(late);
        visitor.expected = "";
        resolve(text);
      };
      visitor.socket.send(bytes(frame));
    });

  const visited = async (visitor) => {
    const waits = [];
    await asked(visitor, hello, cleared.text);
    for (let count = 0; count < rounds; count += 1) {
      await sleep(pause[0] + Math.random() * (pause[1] - pause[0]));
      const { frame, turn } = drawings[(count + visitor.number) % drawings.length];
      const since = performance.now();
      const text = await asked(visitor, frame, `data-turn="${turn}"`);
      const total = performance.now() - since;
      waits.push({ total, page: fact(text, "page-ms"), http: fact(text, "http-ms"), model: fact(text, "model-ms") });
      await asked(visitor, cleared.frame, cleared.text);
    }
    visitor.socket.onclose = null;
    visitor.socket.close();
    return waits;
  };

  const all = await Promise.all(Array.from({ length: visitors }, opened));
  all.forEach((visitor, number) => (visitor.number = number));
  return Promise.all(all.map(visited));
}
