// For browsers that are too old for the dashboard, so in the JavaScript of their time: shows why the page stays empty.
;(function () {
  // Of what scripts and styles use, this is the newest: Chromium 111, Firefox 115, Safari 16.2.
  var supports = window.CSS && window.CSS.supports
  var isNewEnough =
    'noModule' in document.createElement('script') &&
    !!Array.prototype.toSorted &&
    !!Array.prototype.findLast &&
    !!window.BroadcastChannel &&
    !!supports &&
    window.CSS.supports('color', 'color-mix(in srgb, red, blue)') &&
    window.CSS.supports('width', '1cqmin')
  if (isNewEnough) return
  document.getElementById('old-browser').hidden = false
  // Nothing is drawn half.
  var app = document.getElementById('app')
  app.parentNode.removeChild(app)
})()
