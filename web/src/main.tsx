import { render } from "preact";
import { App } from "./app";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/layout.css";
import "./styles/charts.css";
import "./styles/map.css";
import "./styles/items.css";

const root = document.getElementById("app");
if (root) render(<App />, root);
