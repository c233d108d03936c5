import { expect, test } from "vitest";
import { ApiError } from "../../shared/api";
import { problemsOf, warningOf } from "./requests";

test("a complaint of the server stands at the field it is about", () => {
  const error = new ApiError("geofence 'x': exit_buffer_meters must be at least 0.", "Give metres.", 400, false);
  expect(problemsOf(error)).toEqual({ exit_buffer_m: error.sentence });
  expect(problemsOf(new ApiError("geofence 'x': polygon has zero area", "", 400, false))).toHaveProperty("points");
  expect(problemsOf(new ApiError("The server does not answer.", "", 0, true))).toBeNull();
});

test("a warning names its place on the map", () => {
  const text =
    "geofence 'yard': polygon touches or crosses itself at latitude 47.4, longitude -8.5; parts enclosed twice";
  expect(warningOf(text)).toEqual({
    text: "Polygon touches or crosses itself at latitude 47.4, longitude -8.5; parts enclosed twice",
    at: { latitude: 47.4, longitude: -8.5 },
  });
  expect(warningOf("geofence 'yard': unknown field 'colour' is ignored").at).toBeNull();
});
