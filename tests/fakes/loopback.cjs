// Keeps a server that would listen on every interface on this machine alone: node -r loopback.cjs server.js
"use strict";
const { Server } = require("node:net");

const listen = Server.prototype.listen;
const isPort = (value) => typeof value === "number" || (typeof value === "string" && /^\d+$/.test(value));

Server.prototype.listen = function (first, ...rest) {
  if (first !== null && typeof first === "object") {
    const given = "port" in first ? { ...first, host: "127.0.0.1" } : first;
    return listen.call(this, given, ...rest);
  }
  if (first === undefined || first === null || isPort(first)) {
    const others = typeof rest[0] === "string" ? rest.slice(1) : rest;
    return listen.call(this, first ?? 0, "127.0.0.1", ...others);
  }
  return listen.call(this, first, ...rest); // a path, or a function: no network address named
};

// The server ends with whoever started it and holds the other end of its input.
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
