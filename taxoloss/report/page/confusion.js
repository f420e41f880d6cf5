// Section.
(() => {
"use strict";
})();
