export function flatRing(ring: number[][]): number[][] | null;
export function flatPolygon(rings: number[][][]): number[][][];
