type Place = [name: string, longitude: number, latitude: number, thousands: number];
export function namesOnMap(rows: Place[]): Place[];
